import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import { EnvironmentStack, type EnvironmentStackProps } from '../environment-stack.ts';
import { explainFindings } from '../explained-findings.ts';

/** Open markets, leases and the shared rate budget: small items that several processes agree on. */
export class CatalogueStack extends EnvironmentStack {
  readonly table: Table;

  constructor(scope: Construct, id: string, props: EnvironmentStackProps) {
    super(scope, id, { ...props, description: 'Open markets, leases and rate budgets' });
    const { retain_data } = this.configuration.deployment;
    this.table = new Table(this, 'Catalogue', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: retain_data },
      deletionProtection: retain_data,
      removalPolicy: this.dataRemovalPolicy,
    });
    if (!retain_data) {
      explainFindings(this.table, {
        rule: 'AwsSolutions-DDB3',
        reason: 'Nothing is kept of a trial; the gatherers write the catalogue anew.',
      });
    }
  }
}
