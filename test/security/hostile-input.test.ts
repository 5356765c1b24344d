import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command, Option } from 'commander';
import type { Client } from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { eventTables } from '#src/storage/tables.ts';
import { auditCommand } from '../../cli/commands/audit.ts';
import { bookCommand } from '../../cli/commands/book.ts';
import { candlesCommand } from '../../cli/commands/candles.ts';
import { coverageCommand } from '../../cli/commands/coverage.ts';
import { deltasCommand } from '../../cli/commands/deltas.ts';
import { exportCommand } from '../../cli/commands/export.ts';
import { gapsCommand } from '../../cli/commands/gaps.ts';
import { latencyCommand } from '../../cli/commands/latency.ts';
import { marketsCommand } from '../../cli/commands/markets.ts';
import { metricsCommand } from '../../cli/commands/metrics.ts';
import { repairCommand } from '../../cli/commands/repair.ts';
import { tradesCommand } from '../../cli/commands/trades.ts';
import { BEGIN, goodTape, SECOND } from '../audit/good-tape.ts';
import { outputOf } from '../queries/run-command.ts';
import { useDatabases } from '../storage/database.ts';

const databases = useDatabases();
const folder = mkdtempSync(join(tmpdir(), 'hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HOSTILE = [
  `'; DROP TABLE trades; --`,
  `K1' OR '1'='1`,
  `K1"; DELETE FROM order_book_deltas; --`,
  `K1'); DELETE FROM gaps; --`,
  '$1; SELECT pg_sleep(60)',
  '\\',
  '%',
  '../../nowhere/else',
  '..\\..\\nowhere',
  '$(touch owned)',
  '`touch owned`',
  '{"$ne":null}',
  '-1',
  '1e400',
  'NaN',
  '9'.repeat(400),
  'x'.repeat(20_000),
  '\u0000',
  '\ud800',
];

/** What options that must be given say where another one is tried. */
const USUAL: Readonly<Record<string, string>> = {
  '--venue': 'kalshi',
  '--instrument': 'K1',
  '--at': String(BEGIN + 9 * SECOND),
  '--from': String(BEGIN),
  '--to': String(BEGIN + 60 * SECOND),
  '--into': 'a',
  '--raw': folder,
  '--out': folder,
};
/** What says where to read or write is that person's choice who gives the command, and would be written to here. */
const isPlace = ({ flags }: Option): boolean => /<(file|folder|place|url|line=url|path)>/.test(flags);

/** A command with all of its own, each with the words that lead to it. */
function withSubcommands(command: Command, words: readonly string[] = []): [Command, readonly string[]][] {
  const own = command.commands.flatMap((inner) => withSubcommands(inner, [...words, inner.name()]));
  return command.commands.length === 0 ? [[command, words]] : own;
}

const taking = (command: Command): Option[] =>
  command.options.filter((option) => (option.required || option.optional) && !isPlace(option));

/** An SQL text that a value became part of would be a syntax error, or work: `42`, and what a text cannot be is `22`. */
const isOfSyntax = (error: unknown): boolean =>
  /^(42|25|2F|40)/.test(String((error as { code?: unknown }).code));

async function contents(client: Client): Promise<string> {
  const counts: string[] = [];
  for (const table of [...eventTables.map(({ name }) => name), 'gaps', 'coverage', 'line_lives', 'repairs']) {
    const { rows } = await client.query<{ count: string }>(`SELECT count(*) FROM ${table}`);
    counts.push(`${table} ${rows[0]!.count}`);
  }
  return counts.join(', ');
}

describe('whatever is given to a command that asks the tape', () => {
  it('is a value and never SQL, and touches no file', { timeout: 240_000 }, async () => {
    const made = await goodTape(databases);
    const open = {
      openDatabase: async () => ({ client: made.production, close: async () => {} }),
      openLines: async () => ({ lines: { a: 'away', b: 'away', c: 'away' }, close: async () => {} }),
    };
    const before = await contents(made.production);
    const files = readdirSync(process.cwd()).sort();
    const factories = [
      bookCommand,
      tradesCommand,
      deltasCommand,
      candlesCommand,
      metricsCommand,
      marketsCommand,
      gapsCommand,
      latencyCommand,
      coverageCommand,
      auditCommand,
      exportCommand,
      repairCommand,
    ] as readonly ((dependencies: object) => Command)[];
    const tried: string[] = [];
    const wrong: string[] = [];
    for (const factory of factories) {
      for (const [shape, words] of withSubcommands(factory(open))) {
        // It asks the venue, whose answers are fuzzed elsewhere.
        if (words.at(-1) === 'trades') continue;
        const must = shape.options.filter(({ mandatory }) => mandatory).map(({ long }) => long!);
        for (const { long } of taking(shape)) {
          tried.push(`${shape.name()} ${long}`);
          for (const value of HOSTILE) {
            const others = must.filter((name) => name !== long).flatMap((name) => [name, USUAL[name]!]);
            const command = factory(open).configureOutput({ writeErr: () => {} });
            for (const [inner] of withSubcommands(command))
              inner.exitOverride().configureOutput({ writeErr: () => {} });
            // An option that commander does not take for one begins with a dash.
            const given = [...words, ...others, `${long}=${value}`];
            await outputOf(command, ...given).catch((error: unknown) => {
              if (isOfSyntax(error))
                wrong.push(`${given.join(' ').slice(0, 200)}: ${(error as Error).message}`);
            });
          }
        }
      }
    }
    process.exitCode = 0;
    expect(wrong).toEqual([]);
    expect(await contents(made.production)).toBe(before);
    expect(readdirSync(process.cwd()).sort()).toEqual(files);
    expect(tried.length).toBeGreaterThan(50);
    expect(tried).toContain('trades --instrument');
  });
});
