import { RemovalPolicy } from 'aws-cdk-lib';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type IBucket,
  type LifecycleRule,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';

export interface PrivateBucketProps {
  /** `DESTROY` also empties it, because a bucket with objects does not go. */
  readonly removalPolicy: RemovalPolicy;
  readonly lifecycleRules: LifecycleRule[];
  /** Keeps what is overwritten or deleted until its rules say otherwise; it is then still counted as an object. Default: true. */
  readonly versioned?: boolean;
  /** Where it is written down who read or wrote its objects. */
  readonly accessLogs?: { readonly bucket: IBucket; readonly prefix: string };
}

/** An encrypted bucket that speaks TLS only and that nobody outside the account can be let into. */
export class PrivateBucket extends Bucket {
  constructor(scope: Construct, id: string, props: PrivateBucketProps) {
    super(scope, id, {
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      versioned: props.versioned ?? true,
      removalPolicy: props.removalPolicy,
      autoDeleteObjects: props.removalPolicy === RemovalPolicy.DESTROY,
      lifecycleRules: props.lifecycleRules,
      ...(props.accessLogs === undefined
        ? {}
        : {
            serverAccessLogsBucket: props.accessLogs.bucket,
            serverAccessLogsPrefix: props.accessLogs.prefix,
          }),
    });
  }
}
