import { Command } from 'commander';
import { type AuditedLines, type AuditReport, auditTape } from '#src/audit/audit.ts';
import { parseTimeArgument } from '#src/queries/time-argument.ts';
import { lineNames } from '#src/storage/production/merge-statements.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { systemClock } from '#src/units/time.ts';
import { addLineOption, type LineDatabaseOpener, openLines } from '../audit/line-databases.ts';
import { auditText } from '../audit/render.ts';
import { objectPlace } from '../object-place.ts';
import { parseCount } from '../queries/arguments.ts';
import { type DatabaseOpener, type DatabaseOptions, openTape, withTape } from '../queries/database.ts';
import { addTapeOptions } from '../queries/row-output.ts';
import { CommandFailure } from '../terminal/failure.ts';

interface AuditCommandOptions extends DatabaseOptions {
  readonly from: string;
  readonly to: string;
  readonly line?: readonly string[];
  readonly examples: number;
  readonly raw?: string;
  readonly json?: boolean;
}

/** `tape audit`: whether the tape is what the lines received. */
export function auditCommand(
  dependencies: { readonly openDatabase?: DatabaseOpener; readonly openLines?: LineDatabaseOpener } = {},
): Command {
  return addLineOption(
    addTapeOptions(
      new Command('audit').description(
        'whether the tape is what the lines received: rows against the databases of the lines, books against every snapshot, gaps, keys and counts; and how complete it is',
      ),
    ),
  )
    .option('--from <time>', 'from this venue time: 2026-11-20T15:04:05Z, "2h ago", or epoch s, ms, µs', '1h')
    .option('--to <time>', 'before this venue time', 'now')
    .option('--examples <n>', 'how many findings of each kind are told', parseCount, 10)
    .option(
      '--raw <place>',
      'folder or s3://bucket with the raw recordings of the lines: holds them against the tape too',
    )
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      '\nExit code 1 where the tape is not what the lines received, or where a line that --line names, or every line, could not be asked.',
    )
    .action(async (options: AuditCommandOptions) => {
      const now = systemClock()();
      const from = parseTimeArgument(options.from, now);
      const to = parseTimeArgument(options.to, now);
      if (to <= from) throw new CommandFailure('--to must be later than --from');
      const report: AuditReport = await withTape(
        dependencies.openDatabase ?? openTape,
        options,
        async (client) => {
          const open = dependencies.openLines ?? openLines;
          const { lines, close } = await open({ line: options.line ?? [], client });
          try {
            const audited: AuditedLines = lines;
            return await auditTape(client, audited, {
              from,
              to,
              rules: defaultRules,
              examples: options.examples,
              ...(options.raw === undefined ? {} : { raw: objectPlace(options.raw, '--raw') }),
            });
          } finally {
            await close();
          }
        },
      );
      process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : auditText(report));
      if (!report.ok) process.exitCode = 1;
      const missing = missingComparison(report, options.line ?? []);
      if (missing !== null) throw new CommandFailure(missing);
    });
}

/** What was asked for and could not be held against the tape; null where nothing is. */
function missingComparison({ lines }: AuditReport, named: readonly string[]): string | null {
  const away = Object.entries(lines).flatMap(([line, figures]) =>
    'away' in figures ? [{ line, told: `line ${line}: ${figures.away}` }] : [],
  );
  const absent = away.filter(({ line }) => named.some((text) => text.startsWith(`${line}=`)));
  if (absent.length > 0) return `not compared: ${absent.map(({ told }) => told).join('; ')}`;
  if (away.length < lineNames.length) return null;
  return `no line was compared; --line names their databases (${away.map(({ told }) => told).join('; ')})`;
}
