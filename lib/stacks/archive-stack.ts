import { Duration } from 'aws-cdk-lib';
import { StorageClass } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { PrivateBucket } from '../constructs/private-bucket.ts';
import { EnvironmentStack, type EnvironmentStackProps } from '../environment-stack.ts';

/** Where raw frames go, exactly as received: what everything else can be rebuilt from. */
export class ArchiveStack extends EnvironmentStack {
  readonly rawBucket: PrivateBucket;

  constructor(scope: Construct, id: string, props: EnvironmentStackProps) {
    super(scope, id, { ...props, description: 'Raw frames of the venues, exactly as received' });
    this.rawBucket = new PrivateBucket(this, 'Raw', {
      removalPolicy: this.dataRemovalPolicy,
      lifecycleRules: [
        {
          id: 'age',
          transitions: [
            { storageClass: StorageClass.INFREQUENT_ACCESS, transitionAfter: Duration.days(30) },
            { storageClass: StorageClass.GLACIER_INSTANT_RETRIEVAL, transitionAfter: Duration.days(90) },
          ],
          noncurrentVersionExpiration: Duration.days(30),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
  }
}
