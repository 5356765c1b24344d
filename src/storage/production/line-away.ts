import type { LineName } from './merge-statements.ts';

/** A line's database does not answer, or answers with an error: the merge goes on without it. */
export class LineAway extends Error {
  override readonly name = 'LineAway';
  readonly line: LineName;

  constructor(line: LineName, cause: unknown) {
    super(`line ${line}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.line = line;
  }
}
