import { CfnWorkGroup } from 'aws-cdk-lib/aws-athena';
import { CfnDatabase } from 'aws-cdk-lib/aws-glue';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { ProjectedTable } from '../constructs/projected-table.ts';
import { SavedQueries } from '../constructs/saved-queries.ts';
import { EnvironmentStack, type EnvironmentStackProps } from '../environment-stack.ts';
import { capturedTable } from '../glue/captured-table.ts';
import { rawTable } from '../glue/raw-table.ts';
import type { TableDefinition } from '../glue/table-definition.ts';
import { tapeTables } from '../glue/tape-tables.ts';
import type { ArchiveStack } from './archive-stack.ts';

const GIBIBYTE = 1_073_741_824;

export interface QueryStackProps extends EnvironmentStackProps {
  readonly archive: ArchiveStack;
}

/** How the archive is read with SQL: tables over its buckets, a workgroup, saved queries. Holds no data. */
export class QueryStack extends EnvironmentStack {
  readonly database: CfnDatabase;
  /** What the lines' delivery streams convert by. */
  readonly captured: ProjectedTable;
  readonly workgroup: CfnWorkGroup;

  constructor(scope: Construct, id: string, props: QueryStackProps) {
    super(scope, id, { ...props, description: 'Tables over the archive, and a workgroup to query them' });
    const { environment, deployment } = this.configuration;
    const { rawBucket, lakeBucket, tapeBucket, resultsBucket } = props.archive;
    this.database = new CfnDatabase(this, 'Database', {
      catalogId: this.account,
      databaseInput: {
        // Athena takes no hyphens without quotes.
        name: `prediction_tape_${environment}`,
        description: 'Raw frames, the lake as captured, and the tape',
      },
    });
    const table = (scopeId: string, bucket: IBucket, definition: TableDefinition): ProjectedTable =>
      new ProjectedTable(this, scopeId, { database: this.database, bucket, definition });
    this.captured = table('Captured', lakeBucket, capturedTable);
    table('RawFrames', rawBucket, rawTable);
    for (const definition of tapeTables) table(definition.name, tapeBucket, definition);
    this.workgroup = new CfnWorkGroup(this, 'Workgroup', {
      name: `prediction-tape-${environment}`,
      description: 'Queries over the archive; a query that would read too much is ended',
      recursiveDeleteOption: !deployment.retain_data,
      workGroupConfiguration: {
        enforceWorkGroupConfiguration: true,
        publishCloudWatchMetricsEnabled: true,
        bytesScannedCutoffPerQuery: deployment.query.scan_limit_gibibytes * GIBIBYTE,
        engineVersion: { selectedEngineVersion: 'Athena engine version 3' },
        resultConfiguration: {
          outputLocation: `s3://${resultsBucket.bucketName}/`,
          encryptionConfiguration: { encryptionOption: 'SSE_S3' },
        },
      },
    });
    new SavedQueries(this, 'Queries', this.database, this.workgroup);
  }
}
