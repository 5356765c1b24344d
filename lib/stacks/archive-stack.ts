import { Duration } from 'aws-cdk-lib';
import { StorageClass } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { PrivateBucket, type PrivateBucketProps } from '../constructs/private-bucket.ts';
import { EnvironmentStack, type EnvironmentStackProps } from '../environment-stack.ts';

type Rule = PrivateBucketProps['lifecycleRules'][number];

/** What every bucket forgets: versions that were overwritten, and uploads that nobody finished. */
const FORGOTTEN = {
  noncurrentVersionExpiration: Duration.days(30),
  abortIncompleteMultipartUploadAfter: Duration.days(1),
} satisfies Rule;

/** Read while it is new, seldom later, but then at once. */
const AGEING: Rule = {
  id: 'age',
  transitions: [
    { storageClass: StorageClass.INFREQUENT_ACCESS, transitionAfter: Duration.days(30) },
    { storageClass: StorageClass.GLACIER_INSTANT_RETRIEVAL, transitionAfter: Duration.days(90) },
  ],
  ...FORGOTTEN,
};

/** Nobody knows which days of it will be read again. */
const TIERING: Rule = {
  id: 'tier',
  transitions: [{ storageClass: StorageClass.INTELLIGENT_TIERING, transitionAfter: Duration.days(30) }],
  ...FORGOTTEN,
};

const expiring = (days: number): Rule => ({
  id: 'expire',
  ...FORGOTTEN,
  expiration: Duration.days(days),
  noncurrentVersionExpiration: Duration.days(1),
});

/** Files: raw frames as received, what the lines captured, and the tape. */
export class ArchiveStack extends EnvironmentStack {
  /** Frames exactly as received: what everything else can be rebuilt from. */
  readonly rawBucket: PrivateBucket;
  /** Events as each line captured them, Parquet. */
  readonly lakeBucket: PrivateBucket;
  /** The tape, Parquet. */
  readonly tapeBucket: PrivateBucket;
  /** Results of queries, for a week. */
  readonly resultsBucket: PrivateBucket;
  /** Who read or wrote an object of the others, for a year. */
  readonly accessLogsBucket: PrivateBucket;

  constructor(scope: Construct, id: string, props: EnvironmentStackProps) {
    super(scope, id, { ...props, description: 'Raw frames, the lake as captured, and the tape' });
    const removalPolicy = this.dataRemovalPolicy;
    this.accessLogsBucket = new PrivateBucket(this, 'AccessLogs', {
      removalPolicy,
      lifecycleRules: [expiring(365)],
    });
    const bucket = (bucketId: string, rule: Rule): PrivateBucket =>
      new PrivateBucket(this, bucketId, {
        removalPolicy,
        lifecycleRules: [rule],
        accessLogs: { bucket: this.accessLogsBucket, prefix: `${bucketId.toLowerCase()}/` },
      });
    this.rawBucket = bucket('Raw', AGEING);
    this.lakeBucket = bucket('Lake', AGEING);
    this.tapeBucket = bucket('Tape', TIERING);
    this.resultsBucket = bucket('Results', expiring(7));
  }
}
