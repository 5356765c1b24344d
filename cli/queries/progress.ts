/** Nobody wonders before. */
const SILENT_MS = 2_000;
const TERMINAL_MS = 500;
const LOG_MS = 10_000;

interface Watched extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/**
 * Tells on standard error how many rows there are so far, once it takes long: in one line that changes on a
 * terminal, in a new line every ten seconds elsewhere.
 */
export class Progress {
  readonly #output: Watched;
  readonly #now: () => number;
  readonly #unit: string;
  #nextAt: number;
  #startedAt: number;
  #hasLine = false;

  constructor(unit: string, output: Watched = process.stderr, now: () => number = () => performance.now()) {
    this.#unit = unit;
    this.#output = output;
    this.#now = now;
    this.#startedAt = now();
    this.#nextAt = this.#startedAt + (output.isTTY === true ? SILENT_MS : LOG_MS);
  }

  at(count: number): void {
    const now = this.#now();
    if (now < this.#nextAt) return;
    const isTerminal = this.#output.isTTY === true;
    this.#nextAt = now + (isTerminal ? TERMINAL_MS : LOG_MS);
    const perSecond = Math.round((count / (now - this.#startedAt)) * 1_000);
    const text = `${count.toLocaleString('en')} ${this.#unit}, ${perSecond.toLocaleString('en')}/s`;
    this.#output.write(isTerminal ? `\r\u001b[K${text}` : `${text}\n`);
    this.#hasLine = isTerminal;
  }

  /** Takes the line away, so that the next output does not stand behind it. */
  end(): void {
    if (this.#hasLine) this.#output.write('\r\u001b[K');
  }
}
