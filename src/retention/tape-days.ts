import { isDeepStrictEqual } from 'node:util';
import type { ClientBase } from 'pg';
import type { ObjectStore } from '../archive/object-store.ts';
import { completenessOf } from '../export/exported-rows.ts';
import { type ExportedTable, exportedTables } from '../export/exported-tables.ts';
import { type Partition, readManifest, rowsIn } from '../export/manifest.ts';
import { checksumOf } from '../export/tape-export.ts';
import type { TapeRules } from '../tape/rules.ts';
import { formatRfc3339 } from '../units/time.ts';
import type { DayState, PrunedDatabase, PrunedTable } from './prune.ts';
import type { StoredDay } from './stored-days.ts';

/** The tables whose rows files hold; some go into two of them. */
const sources: readonly PrunedTable[] = [...new Set(exportedTables.map(({ source }) => source))];

/** The account of minutes; files have none of it, so it stays as long as any of the events that it counts. */
const coverage: PrunedTable = { name: 'coverage', time: 'minute' };

/**
 * The tape's own database. A day of it stays until the place of the files has all of it: every venue, settled, as many
 * rows, nothing changed since, and each file lying there as its manifest says.
 *
 * @param store place of the files; null where none is known, and everything stays.
 */
export function tapeDays(
  client: ClientBase,
  store: ObjectStore | null,
  rules: TapeRules,
): PrunedDatabase<'production'> {
  return {
    name: 'production',
    client,
    tables: [...sources, coverage],
    stateOf: async (table, day) => {
      const rows = await rowsByVenue(client, table, day);
      const all = [...rows.values()].reduce((sum, count) => sum + count, 0);
      if (table === coverage) return { rows: all, held: await eventsLeft(client, day) };
      if (all === 0) return { rows: 0, held: null };
      if (store === null) return { rows: all, held: 'nothing says that it is in files' };
      const date = formatRfc3339(day.from).slice(0, 10);
      let held: DayState['held'] = null;
      for (const exported of exportedTables) {
        if (exported.source !== table) continue;
        for (const [venue, count] of rows) {
          const partition = { table: exported.name, date, venue };
          held ??= await missingInFiles(client, store, rules, exported, partition, count);
        }
      }
      return { rows: all, held };
    },
  };
}

async function rowsByVenue(
  client: ClientBase,
  { name, time }: PrunedTable,
  { from, to }: StoredDay,
): Promise<Map<string, number>> {
  const { rows } = await client.query<{ venue: string; rows: string }>(
    `SELECT venue, count(*) AS rows FROM ${name} WHERE ${time} >= $1 AND ${time} < $2 GROUP BY venue ORDER BY venue`,
    [from, to],
  );
  return new Map(rows.map(({ venue, rows: count }) => [venue, Number(count)]));
}

async function eventsLeft(client: ClientBase, { from, to }: StoredDay): Promise<string | null> {
  for (const { name, time } of sources) {
    const { rowCount } = await client.query(
      `SELECT FROM ${name} WHERE ${time} >= $1 AND ${time} < $2 LIMIT 1`,
      [from, to],
    );
    if (rowCount === 1) return `${name} still has rows of the day`;
  }
  return null;
}

/** What the files lack of a table, day and venue, or null. */
async function missingInFiles(
  client: ClientBase,
  store: ObjectStore,
  rules: TapeRules,
  table: ExportedTable,
  partition: Partition,
  rows: number,
): Promise<string | null> {
  const { venue } = partition;
  const manifest = await readManifest(store, partition);
  if (manifest === null) return `${venue} is not in files`;
  if (!manifest.completeness.settled) return `${venue} was not settled when it was exported`;
  if (rowsIn(manifest) !== rows) {
    return `the files of ${venue} have ${rowsIn(manifest)} rows, the tape has ${rows}`;
  }
  const { events } = await completenessOf(client, table, partition, rules);
  if (!isDeepStrictEqual(events, manifest.completeness.events)) {
    return `rows of ${venue} have changed since they were exported`;
  }
  for (const { key, sha256 } of manifest.files) {
    if ((await checksumOf(store, key)) !== sha256) return `${key} does not lie there as its manifest says`;
  }
  return null;
}
