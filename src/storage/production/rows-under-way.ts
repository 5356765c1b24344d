import { pipeline } from 'node:stream/promises';
import type { Client, ClientBase } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { LineAway } from './line-away.ts';
import type { LineName } from './merge-statements.ts';

/** Of each line; a row of the commonest tables has about 150 bytes. */
const BUFFERED_BYTES = 8 * 1024 * 1024;

/** Rows on their way from a line, as bytes that nobody looks at. */
export class RowsUnderWay {
  readonly #line: LineName;
  readonly #client: Client;
  readonly #source: ReturnType<typeof copyTo>;
  #failure: { readonly error: unknown } | null = null;

  /** @param statement a COPY … TO STDOUT in binary. */
  constructor(line: LineName, client: Client, statement: string) {
    this.#line = line;
    this.#client = client;
    this.#source = client.query(copyTo(statement, { highWaterMark: BUFFERED_BYTES }));
    this.#source.on('error', (error) => {
      this.#failure ??= { error };
    });
    // Begins to fill the buffer.
    this.#source.read(0);
  }

  /**
   * Pipes the rows into a stage.
   *
   * @param fill the COPY … FROM STDIN of the tape's database.
   * @throws LineAway when the line is at fault; whatever the tape's database throws.
   */
  async pour(production: ClientBase, fill: string): Promise<void> {
    if (this.#failure !== null) throw new LineAway(this.#line, this.#failure.error);
    const target = production.query(copyFrom(fill));
    let isTargets = false;
    target.once('error', () => {
      // The tape's database is also told when the line fails, and complains of that then.
      isTargets = this.#failure === null;
    });
    try {
      await pipeline(this.#source, target);
    } catch (error) {
      this.#cut();
      const failure = this.#failure as { readonly error: unknown } | null;
      if (failure !== null && !isTargets) throw new LineAway(this.#line, failure.error);
      throw error;
    }
  }

  /** Lets the rows run out, so that the line can be asked again. Never throws. */
  async drop(): Promise<void> {
    if (this.#failure !== null || this.#source.readableEnded) return;
    await new Promise<void>((resolve) => {
      this.#source.once('error', () => resolve());
      this.#source.once('close', () => resolve());
      this.#source.once('end', () => resolve());
      this.#source.resume();
    });
  }

  /** Once a line sends, nothing but an end of its session stops it. */
  #cut(): void {
    void this.#client.end().catch(() => {});
  }
}
