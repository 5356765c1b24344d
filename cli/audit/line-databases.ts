import type { Command } from 'commander';
import pg from 'pg';
import type { AuditedLines } from '#src/audit/audit.ts';
import { type LineName, lineNames } from '#src/storage/production/merge-statements.ts';
import { CommandFailure } from '../terminal/failure.ts';

export interface LineDatabaseOptions {
  /** `a=URL`, … as given. */
  readonly line: readonly string[];
  /** The session of the tape: the lines of a run on one machine are databases of the same server. */
  readonly client: pg.Client;
}

/** Databases of the lines as far as they answer, and how to leave them. */
export type LineDatabaseOpener = (
  options: LineDatabaseOptions,
) => Promise<{ readonly lines: AuditedLines; close(): Promise<void> }>;

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** Adds `--line`, by which the databases of the lines are named. */
export const addLineOption = (command: Command): Command =>
  command.option(
    '--line <line=url>',
    'PostgreSQL URL of the database of a line, such as a=postgresql://…; those of the run on this machine, when absent',
    collect,
  );

/** @throws CommandFailure for what is not `line=url`. */
function named(given: readonly string[]): Map<string, string> {
  const urls = new Map<string, string>();
  for (const text of given) {
    const match = /^([abc])=(postgres(?:ql)?:\/\/.+)$/.exec(text);
    if (match === null)
      throw new CommandFailure('--line: expected a, b or c and a URL, such as a=postgresql://…');
    urls.set(match[1]!, match[2]!);
  }
  return urls;
}

/**
 * Opens what `--line` names. With none named, the databases beside the tape on its own server, which is how a run on
 * one machine keeps them. A line that does not answer is left out with the reason.
 */
export const openLines: LineDatabaseOpener = async ({ line, client }) => {
  const urls = named(line);
  const opened: pg.Client[] = [];
  const lines = {} as Record<LineName, AuditedLines[LineName]>;
  for (const name of lineNames) {
    const url = urls.get(name);
    if (url === undefined && urls.size > 0) {
      lines[name] = 'not named by --line';
      continue;
    }
    const { host, port, user, password, ssl } = client;
    const session = new pg.Client({
      ...(url === undefined
        ? { host, port, user: user ?? '', password: password ?? '', ssl, database: `line_${name}` }
        : { connectionString: url }),
      connectionTimeoutMillis: 10_000,
      application_name: 'tape audit',
    });
    session.on('error', () => {});
    try {
      await session.connect();
      opened.push(session);
      lines[name] = session;
    } catch (error) {
      lines[name] = `cannot connect (${(error as Error).message || (error as { code?: string }).code})`;
    }
  }
  return {
    lines,
    close: async () => {
      for (const session of opened) await session.end().catch(() => {});
    },
  };
};
