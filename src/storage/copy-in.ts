import type { ClientBase, Connection } from 'pg';

const COPY_DATA = 0x64;
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);
const COPY_FAIL = 0x66;

/** Rows that each statement of a text worked on, in order: 0 for those that have no count. */
export type CommandCounts = readonly number[];

/**
 * A text of SQL statements with the data of the `COPY … FROM STDIN` among them, sent without waiting for the
 * server to ask for it: the server reads in order, and drops what belongs to a statement that has failed.
 * Data may be sent while more of it is still being made, so that server and client work at the same time.
 */
export class CopyIn {
  readonly completed: Promise<CommandCounts>;
  readonly #text: string;
  readonly #counts: number[] = [];
  #connection: Connection | null = null;
  #unsent: Buffer[] = [];
  #resolve!: (counts: CommandCounts) => void;
  #reject!: (error: Error) => void;

  constructor(text: string) {
    this.#text = text;
    this.completed = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever started it awaits it later; until then a failure is not an unhandled one.
    this.completed.catch(() => {});
  }

  /** Sends bytes of the COPY that is under way. They must not change afterwards. */
  data(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const header = Buffer.allocUnsafe(5);
    header[0] = COPY_DATA;
    header.writeInt32BE(bytes.length + 4, 1);
    this.#write(header);
    this.#write(bytes);
  }

  /** Resolves when the server is not far behind what was sent; nothing to wait for while it is not. */
  drained(): Promise<void> | undefined {
    const stream = this.#connection?.stream;
    if (stream?.writableNeedDrain !== true) return undefined;
    return new Promise((resolve) => {
      stream.once('drain', resolve);
      this.completed.then(
        () => resolve(),
        () => resolve(),
      );
    });
  }

  /** Ends the COPY that is under way; data that follows belongs to the next one of the text. */
  done(): void {
    this.#write(COPY_DONE);
  }

  /** Makes the COPY that is under way fail in the server. */
  fail(reason: string): void {
    const text = Buffer.from(`${reason}\0`);
    const header = Buffer.allocUnsafe(5);
    header[0] = COPY_FAIL;
    header.writeInt32BE(text.length + 4, 1);
    this.#write(Buffer.concat([header, text]));
  }

  submit(connection: Connection): void {
    connection.query(this.#text);
    this.#connection = connection;
    for (const bytes of this.#unsent) connection.stream.write(bytes);
    this.#unsent = [];
  }

  handleCommandComplete(message: { readonly text: string }): void {
    this.#counts.push(Number(/(\d+)$/.exec(message.text)?.[1] ?? 0));
  }

  handleError(error: Error): void {
    this.#connection = null;
    this.#reject(error);
  }

  handleReadyForQuery(): void {
    this.#connection = null;
    this.#resolve(this.#counts);
  }

  // What the driver may call and nobody needs here.
  handleCopyInResponse(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}

  #write(bytes: Buffer): void {
    if (this.#connection === null) this.#unsent.push(bytes);
    else if (this.#connection.stream.writable) this.#connection.stream.write(bytes);
  }
}

/** Starts a text of statements on the session. */
export function copyIn(client: ClientBase, text: string): CopyIn {
  return client.query(new CopyIn(text));
}
