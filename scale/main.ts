/** `npm run scale`: how far one gatherer goes, in instruments and in messages. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { withSection } from '../bench/report.ts';
import { type GrowthRow, growth } from './growth/growth.ts';
import { type InstrumentsRow, instruments } from './instruments.ts';
import { type LoadRow, load } from './load.ts';
import { growthTable, instrumentsTable, loadTable } from './tables.ts';

const USAGE = `npm run scale [-- [--instruments N[,N]] [--sustained RATE [--minutes N]] [--burst RATE [--seconds N]]
                  [--growth N[,N] [--changes-only]] [--directory PATH] [--json] [--write]]

Runs one real gatherer against an exchange of as many markets as are asked for, and measures it.

  --instruments N[,N]  registers, subscribes and seeds so many instruments, one number after the other
  --sustained RATE     messages a second, for --minutes (10); the stream is compared with what was sent
  --burst RATE         the same for --seconds (5)
  --growth N[,N]       queries, merge and audit on a tape of so many million changes
  --changes-only       without trades and figures of books, which take most of the time to fill such a tape
  --directory PATH     for logs and what the gatherer keeps; a few GB for a long run (.scale)
  --json               the last line is one JSON object
  --write              brings the tables in docs/scaling.md up to date

Each run needs two processors to itself to mean anything.
`;

/** A number that is given, or null. @throws Error in one line */
function amount(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new Error(`--${name} must be a number above 0, got "${text}"`);
  return value;
}

function write(section: string, content: string): void {
  const path = new URL('../docs/scaling.md', import.meta.url);
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;
  writeFileSync(path, withSection(readFileSync(path, 'utf8'), section, `${machine}.\n\n${content}`));
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      instruments: { type: 'string' },
      sustained: { type: 'string' },
      minutes: { type: 'string' },
      burst: { type: 'string' },
      seconds: { type: 'string' },
      growth: { type: 'string' },
      'changes-only': { type: 'boolean', default: false },
      directory: { type: 'string' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const amounts = (name: 'instruments' | 'growth'): number[] =>
    values[name]?.split(',').map((text) => amount(name, text)!) ?? [];
  const counts = amounts('instruments');
  const millions = amounts('growth');
  const sustained = amount('sustained', values.sustained);
  const burst = amount('burst', values.burst);
  if (values.help || (counts.length + millions.length === 0 && sustained === null && burst === null)) {
    process.stdout.write(USAGE);
    return values.help ? 0 : 2;
  }
  const directory = values.directory ?? join(import.meta.dirname, '../.scale');
  const note = (text: string): void => void process.stderr.write(`${text}\n`);
  const instrumentRows: InstrumentsRow[] = [];
  for (const count of counts) instrumentRows.push(await instruments(count, directory, note));
  const loadRows: LoadRow[] = [];
  if (sustained !== null)
    loadRows.push(
      await load('sustained', sustained, (amount('minutes', values.minutes) ?? 10) * 60, directory, note),
    );
  if (burst !== null)
    loadRows.push(await load('burst', burst, amount('seconds', values.seconds) ?? 5, directory, note));
  const growthRows: GrowthRow[] = [];
  for (const count of millions) growthRows.push(await growth(count, values['changes-only'], directory, note));
  for (const [section, rows, content] of [
    ['instruments', instrumentRows, instrumentsTable(instrumentRows)],
    ['load', loadRows, loadTable(loadRows)],
    ['growth', growthRows, growthTable(growthRows)],
  ] as const) {
    if (rows.length === 0) continue;
    process.stdout.write(`${content}\n`);
    if (values.write) write(section, content);
  }
  if (values.json)
    process.stdout.write(
      `${JSON.stringify({ instruments: instrumentRows, load: loadRows, growth: growthRows })}\n`,
    );
  rmSync(directory, { recursive: true, force: true });
  return loadRows.every((row) => row.is_true) ? 0 : 1;
}

process.exitCode = await main().catch((error: Error) => {
  process.stderr.write(`scale: ${error.message}\n`);
  return 2;
});
