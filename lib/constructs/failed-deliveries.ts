import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type {
  DlqDestinationConfig,
  IEventSourceDlq,
  IEventSourceMapping,
  IFunction,
} from 'aws-cdk-lib/aws-lambda';
import type { IBucket } from 'aws-cdk-lib/aws-s3';

import { explainFindings } from '../explained-findings.ts';

/** Batches that an event source gave up, whole, in a bucket. */
export class FailedDeliveries implements IEventSourceDlq {
  readonly #bucket: IBucket;

  constructor(bucket: IBucket) {
    this.#bucket = bucket;
  }

  bind(_mapping: IEventSourceMapping, handler: IFunction): DlqDestinationConfig {
    handler.addToRolePolicy(
      new PolicyStatement({ actions: ['s3:PutObject'], resources: [this.#bucket.arnForObjects('*')] }),
    );
    handler.addToRolePolicy(
      new PolicyStatement({ actions: ['s3:ListBucket'], resources: [this.#bucket.bucketArn] }),
    );
    explainFindings(handler, {
      rule: 'AwsSolutions-IAM5',
      finding: /Undelivered\w+Arn\w+\/\*$/,
      reason: 'Lambda itself gives the objects of failed batches their keys.',
    });
    return { destination: this.#bucket.bucketArn };
  }
}
