import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { exportedParts } from '#src/import/exported-files.ts';
import { type ImportReport, isEmptyTape, TapeImport } from '#src/import/tape-import.ts';
import { columnsOf } from '#src/queries/columns.ts';
import type { OutputColumn } from '#src/queries/output-column.ts';
import { RecordingError } from '#src/recording/read-recording.ts';
import { recordingFiles } from '#src/replay/recording-files.ts';
import { layoutOf } from '../../local/run/layout.ts';
import { type DatabaseOpener, type DatabaseOptions, withTape } from '../queries/database.ts';
import { openOrMakeTape } from '../queries/made-database.ts';
import { Progress } from '../queries/progress.ts';
import { addTapeOptions, writeRows } from '../queries/row-output.ts';
import { CommandFailure } from '../terminal/failure.ts';

interface ImportOptions extends DatabaseOptions {
  readonly into?: boolean;
  readonly config: string;
  readonly json?: boolean;
}

const { text, whole } = columnsOf<ImportReport>();
const columns: readonly OutputColumn<ImportReport>[] = [
  text('date'),
  text('venue'),
  text('table'),
  whole('rows'),
  whole('inserted'),
  whole('updated'),
  { name: 'refused', value: ({ refused }) => refused },
];

const NOT_EMPTY = 'this tape is not empty: --into adds to it, and what it has already stays as it is';

async function importExport(folder: string, options: ImportOptions, open: DatabaseOpener): Promise<void> {
  const parts = exportedParts(folder);
  const progress = new Progress('rows');
  let rows = 0;
  let refused = 0;
  async function* imported(importing: TapeImport): AsyncGenerator<ImportReport> {
    for (const part of parts) {
      const report = await importing.part(part);
      if (report.refused !== null) refused++;
      yield report;
    }
  }
  try {
    await withTape(open, options, async (client) => {
      if (options.into !== true && !(await isEmptyTape(client))) throw new CommandFailure(NOT_EMPTY);
      const importing = new TapeImport(client, folder, () => {
        if (++rows % 1_000 === 0) progress.at(rows);
      });
      await writeRows(imported(importing), columns, options);
    });
  } finally {
    progress.end();
  }
  if (refused > 0)
    throw new CommandFailure(`${refused} of ${parts.length} file(s) were refused; the others are in`);
}

/** Recordings become a tape as feeds do: through real sockets, three lines and the merge. */
async function importRecordings(path: string, options: ImportOptions, version: string): Promise<void> {
  if (options.database !== undefined) {
    throw new CommandFailure('recordings are captured into a --data folder; --database takes exports only');
  }
  if (options.into !== true && existsSync(layoutOf(options.data).postgres))
    throw new CommandFailure(NOT_EMPTY);
  const { up } = await import('../../local/run/up.ts');
  process.exitCode = await up({
    source: `replay:${path}`,
    config: options.config,
    data: options.data,
    speed: 'max',
    version,
    ...(options.json === undefined ? {} : { json: options.json }),
  });
}

/** @throws CommandFailure where they are of several lines */
function hasRecordings(path: string): boolean {
  try {
    return recordingFiles([path]).length > 0;
  } catch (error) {
    if (error instanceof RecordingError) throw new CommandFailure(error.message);
    throw error;
  }
}

/** `tape import`: an export or raw recordings of somebody else as a tape of one's own. */
export function importCommand(
  version: string,
  dependencies: { readonly openDatabase?: DatabaseOpener } = {},
): Command {
  return addTapeOptions(
    new Command('import')
      .description('bring an export, or raw recordings, into an empty tape')
      .argument('<path>', 'a folder that `tape export` wrote; a recording, or a folder of them'),
  )
    .option('--into', 'also into a tape that is not empty; doing it again changes nothing')
    .option('--config <file>', 'recordings: configuration of the lines', 'config/local.yaml')
    .option('--json', 'one JSON object per file, or the summary of the recordings')
    .action(async (path: string, options: ImportOptions) => {
      if (!existsSync(path)) throw new CommandFailure(`there is no file or folder ${path}`);
      if (exportedParts(path).length > 0)
        return await importExport(path, options, dependencies.openDatabase ?? openOrMakeTape);
      if (hasRecordings(path)) return await importRecordings(path, options, version);
      throw new CommandFailure(`${path} holds neither an export (tape/TABLE/date=…) nor recordings (.jsonl)`);
    });
}
