import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { tablesOfFiles } from '#src/export/exported-tables.ts';
import { useDatabases } from '../storage/database.ts';

const databases = useDatabases();
const page = readFileSync(new URL('../../docs/files.md', import.meta.url), 'utf8');

/** Column and meaning of each row in a section's table. */
function documented(table: string): Map<string, string> {
  const section = page.split(`### ${table}\n`)[1]?.split('\n### ')[0] ?? '';
  return new Map(
    [...section.matchAll(/^\| `(\w+)` \| [^|]+ \| (.+) \|$/gm)].map(([, column, about]) => [column!, about!]),
  );
}

it('the page on files describes every column of every table in the words of the database', async () => {
  const client = await (await databases.fresh('production')).connect();
  for (const { name, source, columns } of tablesOfFiles) {
    const { rows } = await client.query<{ column: string; about: string }>(
      `SELECT attname AS column, col_description(attrelid, attnum) AS about FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0`,
      [source.name],
    );
    const said = new Map(rows.map(({ column, about }) => [column, about]));
    expect([...documented(name)]).toEqual(
      columns.map((column) => [column.name, column.about ?? said.get(column.name)]),
    );
  }
});
