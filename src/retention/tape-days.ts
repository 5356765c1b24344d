import type { ClientBase } from 'pg';
import type { ObjectStore } from '../archive/object-store.ts';
import { venueNames } from '../events/event.ts';
import { hasRows, rowsSeen } from '../export/exported-rows.ts';
import { type ExportedTable, exportedTables } from '../export/exported-tables.ts';
import { isOfToday, missingOf } from '../export/file-places.ts';
import { type Manifest, type Partition, readManifest, rowsIn } from '../export/manifest.ts';
import { isOfSameRows } from '../export/tape-export.ts';
import { formatDate } from '../units/time.ts';
import type { PrunedDatabase, PrunedTable } from './prune.ts';
import type { StoredDay } from './stored-days.ts';

/** The tables whose rows files hold. */
const sources: readonly PrunedTable[] = exportedTables.map(({ source }) => source);

/** The account of minutes; files have none of it, so it stays as long as any of the events that it counts. */
const coverage: PrunedTable = { name: 'coverage', time: 'minute' };

/**
 * The tape's own database. A day of it stays until the place of the files has all of it: every venue, settled, as many
 * rows, nothing changed since, and each file lying there as its manifest says.
 *
 * @param store place of the files; null where none is known, and everything stays.
 */
export function tapeDays(client: ClientBase, store: ObjectStore | null): PrunedDatabase<'production'> {
  return {
    name: 'production',
    client,
    tables: [...sources, coverage],
    stateOf: async (table, day) => {
      const total = (rows: ReadonlyMap<string, number>): number =>
        [...rows.values()].reduce((sum, count) => sum + count, 0);
      if (table === coverage) {
        const held = await eventsLeft(client, day);
        return { rows: held === null ? total(await rowsByVenue(client, table, day)) : null, held };
      }
      if (await isEmpty(client, table, day)) return { rows: 0, held: null };
      if (store === null) return { rows: null, held: 'nothing says that it is in files' };
      const date = formatDate(day.from);
      const exported = exportedTables.find(({ source }) => source === table)!;
      const manifests = new Map<string, Manifest>();
      for (const venue of venueNames) {
        const partition = { table: exported.name, date, venue };
        const manifest = await readManifest(store, partition);
        if (manifest !== null) manifests.set(venue, manifest);
        const held =
          manifest === null
            ? `${venue} is not in files`
            : await unlikeTape(client, store, exported, partition, manifest);
        if (held !== null && (await hasRows(client, exported, partition))) return { rows: null, held };
      }
      const rows = await rowsByVenue(client, table, day);
      for (const [venue, count] of rows) {
        const manifest = manifests.get(venue);
        const files = manifest === undefined ? null : rowsIn(manifest);
        if (files === count) continue;
        const held =
          files === null
            ? `${venue} is not in files`
            : `the files of ${venue} have ${files} rows, the tape has ${count}`;
        return { rows: total(rows), held };
      }
      return { rows: total(rows), held: null };
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

async function isEmpty(client: ClientBase, { name, time }: PrunedTable, day: StoredDay): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM ${name} WHERE ${time} >= $1 AND ${time} < $2 LIMIT 1`,
    [day.from, day.to],
  );
  return rowCount === 0;
}

async function eventsLeft(client: ClientBase, day: StoredDay): Promise<string | null> {
  for (const source of sources) {
    if (!(await isEmpty(client, source, day))) return `${source.name} still has rows of the day`;
  }
  return null;
}

/** What speaks against the files of a table, day and venue, as far as no row has to be counted; null where nothing does. */
async function unlikeTape(
  client: ClientBase,
  store: ObjectStore,
  table: ExportedTable,
  partition: Partition,
  { completeness, files }: Manifest,
): Promise<string | null> {
  const { venue } = partition;
  if (!completeness.settled) return `${venue} was not settled when it was exported`;
  if (!isOfToday({ files }, table.arrivals !== undefined))
    return `the manifest of ${venue} does not tell how its changes came: export the day again`;
  for (const file of files) {
    const missing = await missingOf(store, file);
    if (missing !== null) return `${missing} does not lie there as its manifest says`;
  }
  if (!isOfSameRows(await rowsSeen(client, table, partition), completeness)) {
    return `rows of ${venue} have changed since they were exported`;
  }
  return null;
}
