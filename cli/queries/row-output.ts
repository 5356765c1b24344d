import type { Command } from 'commander';
import { Option } from 'commander';

/** A value of a row as JSON has it. */
export type Cell = string | number | boolean | null | readonly unknown[];

export interface OutputColumn<Row> {
  readonly name: string;
  /** For programs: integers in the units of the tape. */
  readonly value: (row: Row) => Cell;
  /** For people; `value` as text when absent. */
  readonly text?: (row: Row) => string;
}

export interface OutputOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** Rows by which a table's widths are found; later rows that are wider stand out. */
const ROWS_FOR_WIDTH = 200;

function csvCell(value: Cell): string {
  if (value === null) return '';
  const text = Array.isArray(value) ? value.join(' ') : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function plainText(value: Cell): string {
  if (value === null) return '';
  return Array.isArray(value) ? value.join(' ') : String(value);
}

/** Writes and waits while the reader is slower than the query. */
function writer(output: NodeJS.WritableStream): (text: string) => Promise<void> {
  return (text) =>
    output.write(text) ? Promise.resolve() : new Promise((resolve) => output.once('drain', () => resolve()));
}

/**
 * Writes rows as they come, in the memory of a few: JSON lines, CSV with a header, or a table.
 *
 * @returns how many there were.
 */
export async function writeRows<Row>(
  rows: AsyncIterable<Row>,
  columns: readonly OutputColumn<Row>[],
  options: OutputOptions,
  output: NodeJS.WritableStream = process.stdout,
): Promise<number> {
  const write = writer(output);
  let count = 0;
  if (options.json === true) {
    for await (const row of rows) {
      count++;
      await write(
        `${JSON.stringify(Object.fromEntries(columns.map(({ name, value }) => [name, value(row)])))}\n`,
      );
    }
    return count;
  }
  if (options.csv === true) {
    await write(`${columns.map(({ name }) => name).join(',')}\n`);
    for await (const row of rows) {
      count++;
      await write(`${columns.map(({ value }) => csvCell(value(row))).join(',')}\n`);
    }
    return count;
  }
  const cells = (row: Row): string[] =>
    columns.map(({ value, text }) => (text === undefined ? plainText(value(row)) : text(row)));
  const waiting: string[][] = [];
  let widths: number[] | null = null;
  const line = (texts: readonly string[]): string =>
    `${texts
      .map((text, index) => text.padEnd(widths![index]!))
      .join('  ')
      .trimEnd()}\n`;
  const begin = async (): Promise<void> => {
    widths = columns.map(({ name }, index) =>
      Math.max(name.length, ...waiting.map((texts) => texts[index]!.length)),
    );
    await write(line(columns.map(({ name }) => name)));
    for (const texts of waiting) await write(line(texts));
  };
  for await (const row of rows) {
    count++;
    if (widths === null) {
      waiting.push(cells(row));
      if (waiting.length === ROWS_FOR_WIDTH) await begin();
    } else {
      await write(line(cells(row)));
    }
  }
  if (widths === null && count > 0) await begin();
  return count;
}

/** The options by which every query chooses its tape and its output. */
export function addQueryOptions(command: Command): Command {
  return command
    .option(
      '--database <url>',
      'PostgreSQL URL of the tape; TAPE_DATABASE_URL, or the run on this machine, when absent',
    )
    .option('--data <folder>', 'data folder of the run on this machine', '.tape')
    .addOption(
      new Option('--json', 'one JSON object per line, integers in the units of the tape').conflicts('csv'),
    )
    .addOption(new Option('--csv', 'comma-separated, integers in the units of the tape'));
}
