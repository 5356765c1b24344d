import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { publishedMetrics } from '#src/telemetry/published-metrics.ts';
import { useDatabases } from '../storage/database.ts';

const databases = useDatabases();
const folder = fileURLToPath(new URL('../../observability/grafana/', import.meta.url));
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));

interface Target {
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly namespace?: string;
  readonly metricName?: string;
  readonly dimensions?: Readonly<Record<string, string>>;
  readonly rawSql?: string;
}
interface Dashboard {
  readonly uid: string;
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: string }[];
  };
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly targets: readonly Target[];
  }[];
}
const dashboards = files.map(
  (file) => [file, JSON.parse(readFileSync(`${folder}${file}`, 'utf8')) as Dashboard] as const,
);
const targetsOf = (dashboard: Dashboard): Target[] => dashboard.panels.flatMap(({ targets }) => targets);

describe.each(dashboards)('%s', (_, dashboard) => {
  it('names its data sources by what they are, and no other', () => {
    const sources = new Map(
      dashboard.templating.list
        .filter(({ type }) => type === 'datasource')
        .map(({ name, query }) => [name, query]),
    );
    for (const { datasource } of targetsOf(dashboard)) {
      const name = /^\$\{(\w+)\}$/.exec(datasource.uid)?.[1];
      expect(sources.get(name!)).toBe(datasource.type);
    }
  });

  it('numbers its panels and uses only variables that it has', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const variables = dashboard.templating.list.map(({ name }) => name);
    for (const [, name] of JSON.stringify(dashboard.panels).matchAll(/\$\{(\w+)\}/g))
      expect(variables).toContain(name);
  });

  it('asks only for metrics that the product publishes, with their dimensions', () => {
    const declared = new Map<string, readonly string[]>(
      Object.values(publishedMetrics).flatMap(({ dimensions, units }) =>
        Object.keys(units).map((name) => [name, dimensions] as const),
      ),
    );
    for (const { namespace, metricName, dimensions } of targetsOf(dashboard)) {
      if (namespace === undefined || namespace.startsWith('AWS/')) continue;
      expect(namespace).toBe('PredictionTape/${environment}');
      expect(Object.keys(dimensions!).sort(), metricName).toEqual([...declared.get(metricName!)!].sort());
    }
  });

  it('asks the tape only what its schema answers', async () => {
    const client = await (await databases.fresh('production')).connect();
    for (const { rawSql } of targetsOf(dashboard)) {
      if (rawSql === undefined) continue;
      const statement = rawSql
        .replaceAll('$__unixEpochFrom()', '1795187000')
        .replaceAll('$__unixEpochTo()', '1795187060')
        .replaceAll('${gatherer}', 'a');
      await expect(client.query(statement)).resolves.toBeDefined();
    }
  });
});

it('the dashboards together show every metric that the product publishes', () => {
  const shown = new Set(
    dashboards.flatMap(([, dashboard]) => targetsOf(dashboard)).map(({ metricName }) => metricName),
  );
  const declared = Object.values(publishedMetrics).flatMap(({ units }) => Object.keys(units));
  expect(declared.filter((name) => !shown.has(name))).toEqual([]);
});
