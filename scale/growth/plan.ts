import type { ClientBase } from 'pg';

/** What one statement read to give its answer. */
export interface PlanCost {
  readonly statement: string;
  /** Rows that scans read, those included that a filter then left out. */
  readonly rowsRead: number;
  readonly rowsGiven: number;
  /** Tables and partitions that were read; those that planning or execution left out are not among them. */
  readonly relations: readonly string[];
  /** Those of them that were read from end to end. */
  readonly wholly: readonly string[];
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

interface Asked {
  readonly text: string;
  readonly values: readonly unknown[];
}

const CURSOR = /^DECLARE \w+ NO SCROLL CURSOR FOR\s+/;
const READING = /^\s*(SELECT|WITH)\b/;

function costOf(statement: string, root: PlanNode): PlanCost {
  const relations = new Set<string>();
  const wholly = new Set<string>();
  let rowsRead = 0;
  const visit = (node: PlanNode): void => {
    const loops = node['Actual Loops'] ?? 0;
    const relation = node['Relation Name'];
    if (relation !== undefined && loops > 0) {
      const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
      rowsRead += ((node['Actual Rows'] ?? 0) + removed) * loops;
      relations.add(relation);
      if (node['Node Type'] === 'Seq Scan') wholly.add(relation);
    }
    node.Plans?.forEach(visit);
  };
  visit(root);
  const rowsGiven = (root['Actual Rows'] ?? 0) * (root['Actual Loops'] ?? 0);
  return { statement, rowsRead, rowsGiven, relations: [...relations], wholly: [...wholly] };
}

/** Runs something that only reads, and then has the server explain and run each of its statements again. */
export async function plansOf(
  client: ClientBase,
  run: (client: ClientBase) => Promise<unknown>,
): Promise<PlanCost[]> {
  const asked: Asked[] = [];
  const watched = new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name !== 'query') return typeof value === 'function' ? value.bind(target) : value;
      return (text: string, values: readonly unknown[] = []) => {
        asked.push({ text: text.replace(CURSOR, ''), values });
        return target.query(text, [...values]);
      };
    },
  });
  await run(watched);
  const costs: PlanCost[] = [];
  for (const { text, values } of asked) {
    if (!READING.test(text)) continue;
    const { rows } = await client.query<{ 'QUERY PLAN': readonly [{ readonly Plan: PlanNode }] }>(
      `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`,
      [...values],
    );
    costs.push(costOf(text, rows[0]!['QUERY PLAN'][0].Plan));
  }
  return costs;
}
