import { CfnResource, type IAspect, RemovalPolicy } from 'aws-cdk-lib';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IConstruct } from 'constructs';

/**
 * Gives the functions that `aws-cdk-lib` itself adds a log group that ends, and goes with its stack. Left alone they
 * write to groups that Lambda makes, which keep everything for ever and stay when all else is torn down.
 */
export class LibraryFunctionLogs implements IAspect {
  readonly #retention: RetentionDays;

  constructor(retention: RetentionDays) {
    this.#retention = retention;
  }

  visit(construct: IConstruct): void {
    if (!CfnResource.isCfnResource(construct) || construct.cfnResourceType !== 'AWS::Lambda::Function')
      return;
    // Functions of the full kind have a log group already; those that only serve the library are bare resources.
    if (construct instanceof CfnFunction) return;
    const logs = new LogGroup(construct.node.scope!, 'Logs', {
      retention: this.#retention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    construct.addPropertyOverride('LoggingConfig.LogGroup', logs.logGroupName);
  }
}
