import { ArnFormat, Stack } from 'aws-cdk-lib';
import { type CfnDatabase, CfnTable } from 'aws-cdk-lib/aws-glue';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { projectionParameters, type TableDefinition } from '../glue/table-definition.ts';

const FORMATS = {
  parquet: {
    inputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
    outputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
    serdeInfo: { serializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe' },
    classification: 'parquet',
  },
  'json-lines': {
    inputFormat: 'org.apache.hadoop.mapred.TextInputFormat',
    outputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
    serdeInfo: {
      serializationLibrary: 'org.openx.data.jsonserde.JsonSerDe',
      // A frame that only looks like JSON spoils its line for readers that take lines as JSON.
      parameters: { 'ignore.malformed.json': 'TRUE' },
    },
    classification: 'json',
  },
} as const;

export interface ProjectedTableProps {
  readonly database: CfnDatabase;
  readonly bucket: IBucket;
  readonly definition: TableDefinition;
}

/** A table over objects of a bucket whose partitions are computed, not listed. */
export class ProjectedTable extends Construct {
  readonly tableName: string;
  readonly tableArn: string;

  constructor(scope: Construct, id: string, { database, bucket, definition }: ProjectedTableProps) {
    super(scope, id);
    const { inputFormat, outputFormat, serdeInfo, classification } = FORMATS[definition.format];
    const bucketUrl = `s3://${bucket.bucketName}`;
    const table = new CfnTable(this, 'Table', {
      catalogId: Stack.of(this).account,
      databaseName: database.ref,
      tableInput: {
        name: definition.name,
        description: definition.description,
        tableType: 'EXTERNAL_TABLE',
        parameters: { classification, ...projectionParameters(bucketUrl, definition) },
        partitionKeys: definition.partitionKeys.map(({ name }) => ({ name, type: 'string' })),
        storageDescriptor: {
          location: `${bucketUrl}/${definition.prefix}`,
          inputFormat,
          outputFormat,
          serdeInfo,
          columns: [...definition.columns],
        },
      },
    });
    this.tableName = table.ref;
    this.tableArn = Stack.of(this).formatArn({
      service: 'glue',
      resource: 'table',
      resourceName: `${database.ref}/${table.ref}`,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });
  }
}
