/** A column as the Glue catalogue names it. */
export interface GlueColumn {
  readonly name: string;
  readonly type:
    | 'string'
    | 'bigint'
    | 'int'
    | 'smallint'
    | 'boolean'
    | 'binary'
    | 'array<bigint>'
    | 'array<string>'
    | 'array<array<bigint>>';
  readonly comment?: string;
}

/**
 * Values that a partition key takes. Athena computes the partitions from them (partition projection): nothing
 * crawls, and a new day is there when its first object is.
 */
export type PartitionKey =
  | { readonly name: string; readonly kind: 'names'; readonly values: readonly string[] }
  | { readonly name: string; readonly kind: 'day' }
  | { readonly name: string; readonly kind: 'hour' };

/** What a table is: where its objects lie, how they are written, and what is in them. */
export interface TableDefinition {
  readonly name: string;
  readonly description: string;
  readonly format: 'parquet' | 'json-lines';
  /** Key prefix within its bucket, with a slash at its end; below it `key=value/` of each partition key, in order. */
  readonly prefix: string;
  readonly partitionKeys: readonly PartitionKey[];
  readonly columns: readonly GlueColumn[];
}

/** Day before which no project of this kind has data. */
const FIRST_DAY = '2025-01-01';

/** Where the objects of a partition lie, with `${key}` for the values. */
export function locationTemplate(bucketUrl: string, { prefix, partitionKeys }: TableDefinition): string {
  return `${bucketUrl}/${prefix}${partitionKeys.map(({ name }) => `${name}=\${${name}}/`).join('')}`;
}

/** Table properties that make Athena project the partitions. */
export function projectionParameters(
  bucketUrl: string,
  definition: TableDefinition,
): Readonly<Record<string, string>> {
  const parameters: Record<string, string> = {
    'projection.enabled': 'true',
    'storage.location.template': locationTemplate(bucketUrl, definition),
  };
  for (const key of definition.partitionKeys) {
    const property = (name: string, value: string): void => {
      parameters[`projection.${key.name}.${name}`] = value;
    };
    if (key.kind === 'names') {
      property('type', 'enum');
      property('values', key.values.join(','));
    } else if (key.kind === 'day') {
      property('type', 'date');
      property('format', 'yyyy-MM-dd');
      property('range', `${FIRST_DAY},NOW+1DAYS`);
      property('interval', '1');
      property('interval.unit', 'DAYS');
    } else {
      property('type', 'integer');
      property('range', '0,23');
      property('digits', '2');
    }
  }
  return parameters;
}
