import type { Command } from 'commander';
import { Option } from 'commander';
import { ParquetFile } from '#src/export/parquet-file.ts';
import { type Cell, type OutputColumn, rowObject } from '#src/queries/output-column.ts';
import { CommandFailure } from '../terminal/failure.ts';
import { clearedAtEnd } from '../terminal/leftovers.ts';
import { written } from '../terminal/output.ts';
import { Progress } from './progress.ts';

export interface OutputOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
  /** Path of the file. */
  readonly parquet?: string;
}

/** Rows by which a table's widths are found; later rows that are wider stand out. */
const ROWS_FOR_WIDTH = 200;
/** How often the clock is asked. */
const ROWS_PER_LOOK = 512;

function plainText(value: Cell): string {
  if (value === null) return '';
  return Array.isArray(value) ? value.map(itemText).join(' ') : itemText(value);
}

const itemText = (item: unknown): string =>
  typeof item === 'object' && !Array.isArray(item) ? JSON.stringify(item) : String(item);

function csvCell(value: Cell): string {
  const text = plainText(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Takes rows one after another. */
interface RowSink<Row> {
  row(row: Row): Promise<void>;
  /** After the last row. */
  end(): Promise<void>;
  /** Instead of `end` when the rows broke off. */
  abandon(): void;
}

type Write = (text: string) => Promise<void>;

function jsonSink<Row>(columns: readonly OutputColumn<Row>[], write: Write): RowSink<Row> {
  return {
    row: (row) => write(`${JSON.stringify(rowObject(columns, row))}\n`),
    end: async () => {},
    abandon: () => {},
  };
}

function csvSink<Row>(columns: readonly OutputColumn<Row>[], write: Write): RowSink<Row> {
  let hasHeader = false;
  const header = async (): Promise<void> => {
    if (hasHeader) return;
    hasHeader = true;
    await write(`${columns.map(({ name }) => name).join(',')}\n`);
  };
  return {
    row: async (row) => {
      await header();
      await write(`${columns.map(({ value }) => csvCell(value(row))).join(',')}\n`);
    },
    end: header,
    abandon: () => {},
  };
}

function tableSink<Row>(columns: readonly OutputColumn<Row>[], write: Write): RowSink<Row> {
  const cells = (row: Row): string[] =>
    columns.map(({ value, text }) => (text === undefined ? plainText(value(row)) : text(row)));
  let waiting: string[][] = [];
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
    waiting = [];
  };
  return {
    row: async (row) => {
      if (widths !== null) return write(line(cells(row)));
      waiting.push(cells(row));
      if (waiting.length === ROWS_FOR_WIDTH) await begin();
    },
    end: async () => {
      if (waiting.length > 0) await begin();
    },
    abandon: () => {},
  };
}

function parquetSink<Row>(columns: readonly OutputColumn<Row>[], path: string): RowSink<Row> {
  let file: ParquetFile;
  try {
    file = new ParquetFile(
      path,
      columns.map(({ name, type = 'text' }) => ({ name, type, nullable: true })),
    );
  } catch (error) {
    throw new CommandFailure(`cannot write ${path}: ${(error as Error).message}`);
  }
  const done = clearedAtEnd(() => file.abandon());
  return {
    row: async (row) => file.append(columns.map(({ value }) => value(row))),
    end: async () => {
      await file.finish();
      done();
    },
    abandon: () => {
      file.abandon();
      done();
    },
  };
}

function sinkOf<Row>(
  columns: readonly OutputColumn<Row>[],
  options: OutputOptions,
  output: NodeJS.WritableStream,
): RowSink<Row> {
  if (options.parquet !== undefined) return parquetSink(columns, options.parquet);
  const write = (text: string): Promise<void> => written(output, text);
  if (options.json === true) return jsonSink(columns, write);
  if (options.csv === true) return csvSink(columns, write);
  return tableSink(columns, write);
}

/**
 * Writes rows as they come, in the memory of a few: JSON lines, CSV with a header, a table, or a Parquet file.
 *
 * @returns how many there were.
 */
export async function writeRows<Row>(
  rows: AsyncIterable<Row>,
  columns: readonly OutputColumn<Row>[],
  options: OutputOptions,
  output: NodeJS.WritableStream = process.stdout,
): Promise<number> {
  const sink = sinkOf(columns, options, output);
  const progress = new Progress('rows');
  let count = 0;
  try {
    for await (const row of rows) {
      count++;
      await sink.row(row);
      if (count % ROWS_PER_LOOK === 0) progress.at(count);
    }
    await sink.end();
  } catch (error) {
    sink.abandon();
    throw error;
  } finally {
    progress.end();
  }
  return count;
}

/** The options by which every query chooses its tape and its output. */
export function addQueryOptions(command: Command): Command {
  return addTapeOptions(command)
    .addOption(
      new Option('--json', 'one JSON object per line, integers in the units of the tape').conflicts([
        'csv',
        'parquet',
      ]),
    )
    .addOption(new Option('--csv', 'comma-separated, integers in the units of the tape').conflicts('parquet'))
    .addOption(new Option('--parquet <file>', 'a Parquet file, integers in the units of the tape'));
}

/** The options by which a command chooses its tape. */
export function addTapeOptions(command: Command): Command {
  return command
    .option(
      '--database <url>',
      'PostgreSQL URL of the tape; TAPE_DATABASE_URL, or the run on this machine, when absent',
    )
    .option('--data <folder>', 'data folder of the run on this machine', '.tape');
}
