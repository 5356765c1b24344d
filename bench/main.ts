import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { besideRecorded, readRecorded, writeRecorded } from './recorded.ts';
import { jsonLine, shortTable, table, withSection } from './report.ts';
import type { Extent, Row } from './row.ts';
import { subjects } from './subjects.ts';

const USAGE = `npm run bench [-- [--quick] [--only NAME[,NAME]] [--json] [--no-write] [--guard]]

Measures everything beside its peers and prints a table. A run of all subjects also brings the tables in
docs/performance.md and README.md up to date, unless --no-write is given. With --guard it says which figures are
lower than those of the last such run; that never makes it fail.

subjects: ${Object.keys(subjects).join(', ')}
`;

const ROUNDS = 9;
const QUICK_ROUNDS = 3;

/** Whether a native module speeds up sockets depends on what else is installed; production has none. */
const ENVIRONMENT = { ...process.env, WS_NO_BUFFER_UTIL: '1', WS_NO_UTF_8_VALIDATE: '1' };

async function rowsOf(name: string, extent: Extent): Promise<Row[]> {
  const worker = new URL('./one-subject.ts', import.meta.url);
  const child = spawn(
    process.execPath,
    ['--expose-gc', '--max-old-space-size=6144', worker.pathname, name, JSON.stringify(extent)],
    { stdio: ['ignore', 'pipe', 'inherit'], env: ENVIRONMENT },
  );
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`measuring ${name} ended with exit code ${code}`);
  return JSON.parse(output.trimEnd().split('\n').at(-1)!) as Row[];
}

function writeTables(rows: readonly Row[], extent: Extent): void {
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`;
  const how = `Median of ${extent.rounds} rounds${extent.isQuick ? ', quick' : ''}; ${machine}.`;
  for (const [file, section, content] of [
    ['docs/performance.md', 'bench', `${how}\n\n${table(rows)}`],
    ['README.md', 'bench-short', `${how}\n\n${shortTable(rows)}`],
  ] as const) {
    const path = new URL(`../${file}`, import.meta.url);
    writeFileSync(path, withSection(readFileSync(path, 'utf8'), section, content));
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
      'no-write': { type: 'boolean', default: false },
      guard: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const names = values.only?.split(',') ?? Object.keys(subjects);
  const unknown = names.find((name) => subjects[name] === undefined);
  if (unknown !== undefined) {
    process.stderr.write(`there is no subject ${JSON.stringify(unknown)}\n\n${USAGE}`);
    return 2;
  }
  const extent = { isQuick: values.quick, rounds: values.quick ? QUICK_ROUNDS : ROUNDS };
  const rows: Row[] = [];
  let failures = 0;
  for (const name of names) {
    const started = performance.now();
    process.stderr.write(`${name} …`);
    try {
      rows.push(...(await rowsOf(name, extent)));
      process.stderr.write(` ${((performance.now() - started) / 1_000).toFixed(1)} s\n`);
    } catch (error) {
      failures++;
      process.stderr.write(` ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  process.stdout.write(`${table(rows)}\n`);
  // Read before it is written anew.
  if (values.guard) process.stdout.write(`${besideRecorded(rows, readRecorded())}\n`);
  if (values.only === undefined && !values['no-write'] && failures === 0) {
    writeTables(rows, extent);
    writeRecorded(rows);
  }
  if (values.json) process.stdout.write(`${jsonLine(rows)}\n`);
  return failures === 0 ? 0 : 1;
}

process.exitCode = await main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  return 2;
});
