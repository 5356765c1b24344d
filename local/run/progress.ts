import type { GathererStatus } from '#src/status/line-status.ts';

export interface ProgressFigures {
  readonly secondsRunning: number;
  readonly secondsLeft: number | null;
  readonly lines: Readonly<
    Record<
      string,
      { readonly status: GathererStatus | null; readonly eventsPerSecond: number; readonly restarts: number }
    >
  >;
  readonly tape: { readonly rows: number; readonly lagSeconds: number | null };
}

const number = new Intl.NumberFormat('en-US');
const pad = (text: string, width: number): string => text.padStart(width);

function lineRow(name: string, figures: ProgressFigures['lines'][string]): string {
  const { status, eventsPerSecond, restarts } = figures;
  if (status === null)
    return `  line ${name}  not answering${restarts > 0 ? `, restarted ${restarts} times` : ''}`;
  const sum = (pick: (venue: GathererStatus['venues'][string]) => number): number =>
    Object.values(status.venues).reduce((total, venue) => total + pick(venue), 0);
  return [
    `  line ${name}`,
    `${pad(`${sum((venue) => venue.connected)}/${sum((venue) => venue.connections)}`, 8)} connections`,
    `${pad(`${number.format(sum((venue) => venue.proven))}/${number.format(sum((venue) => venue.expected))}`, 14)} books`,
    `${pad(number.format(Math.round(eventsPerSecond)), 7)} events/s`,
    `${pad(number.format(status.gaps_open), 6)} open gaps`,
    `${pad(number.format(status.stream.backlog), 7)} queued`,
    status.stream.spilled_bytes > 0 ? `  ${number.format(status.stream.spilled_bytes)} bytes spilled` : '',
    restarts > 0 ? `  restarted ${restarts}×` : '',
  ].join(' ');
}

/** Why lines do not capture, each reason once. */
function reasonsOf({ lines }: ProgressFigures): string[] {
  const byReason = new Map<string, string[]>();
  for (const [name, { status }] of Object.entries(lines)) {
    for (const reason of status?.health.reasons ?? [])
      byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  }
  return [...byReason].map(([reason, names]) => `${names.join(', ')}: ${reason}`);
}

/** The state of a run in a few lines of text, the last line about the tape. */
export function renderProgress(figures: ProgressFigures): string[] {
  const left = figures.secondsLeft === null ? '' : `, ${Math.max(0, Math.ceil(figures.secondsLeft))} s to go`;
  const lag = figures.tape.lagSeconds === null ? '' : `, ${figures.tape.lagSeconds.toFixed(1)} s behind`;
  return [
    `running for ${Math.floor(figures.secondsRunning)} s${left}`,
    ...Object.entries(figures.lines).map(([name, line]) => lineRow(name, line)),
    ...reasonsOf(figures).map((reason) => `  not well: ${reason}`),
    `  tape    ${number.format(figures.tape.rows)} rows merged${lag}`,
  ];
}

/**
 * Writes progress to a stream: redrawn in place on a terminal, one summary line now and then elsewhere.
 */
export class ProgressDisplay {
  readonly #stream: NodeJS.WriteStream;
  readonly #plainEveryMillis: number;
  #drawn = 0;
  #lastPlain = 0;

  constructor(stream: NodeJS.WriteStream, plainEveryMillis = 5_000) {
    this.#stream = stream;
    this.#plainEveryMillis = plainEveryMillis;
  }

  show(figures: ProgressFigures): void {
    const lines = renderProgress(figures);
    if (!this.#stream.isTTY) {
      const now = Date.now();
      if (now - this.#lastPlain < this.#plainEveryMillis) return;
      this.#lastPlain = now;
      this.#stream.write(`${lines.join('\n')}\n`);
      return;
    }
    const width = this.#stream.columns ?? 80;
    if (this.#drawn > 0) this.#stream.write(`\x1b[${this.#drawn}A`);
    for (const line of lines) this.#stream.write(`\x1b[2K${line.slice(0, width - 1)}\n`);
    this.#drawn = lines.length;
  }

  /** A line that stays above the figures. */
  note(text: string): void {
    if (this.#stream.isTTY && this.#drawn > 0) {
      this.#stream.write(`\x1b[${this.#drawn}A\x1b[0J`);
      this.#drawn = 0;
    }
    this.#stream.write(`${text}\n`);
  }
}
