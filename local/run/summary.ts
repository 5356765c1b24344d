/**
 * Last line of `tape up --seconds N --json`. Field names are a contract. Everything is of this run alone, also where
 * the data folder holds earlier ones.
 */
export interface RunSummary {
  readonly seconds: number;
  readonly lines: Readonly<
    Record<
      string,
      { readonly frames: number; readonly events: number; readonly stored: number; readonly gaps: number }
    >
  >;
  readonly tape: {
    /** Rows per kind. */
    readonly rows: Readonly<Record<string, number>>;
    /** Rows of all lines that were copies of one on the tape. */
    readonly duplicates: number;
  };
  readonly truth: {
    readonly events: number;
    readonly on_tape: number;
    readonly missing: number;
    readonly extra: number;
    /** Not on the tape, and the tape's own gaps say so. */
    readonly in_gaps: number;
    /** Later than the tape is settled. */
    readonly after_horizon: number;
    /** Made by the exchange and sent to nobody. */
    readonly unsent: number;
    /** Those of the unsent that the tape lacks without a gap that says so. */
    readonly undeclared: number;
    readonly books_compared: number;
    readonly books_wrong: number;
    /** Books of which the tape says that it cannot vouch for them. */
    readonly books_incomplete: number;
  } | null;
  readonly latency_ms: {
    readonly frame_to_stream: { readonly p50: number | null; readonly p99: number | null };
    readonly frame_to_tape: { readonly p50: number | null; readonly p99: number | null };
  };
  readonly peak_rss_mb: Readonly<Record<string, number>>;
}

/** Whether the tape kept every promise that the comparison tests; a tape compared with nothing kept them all. */
export function isFaithful(truth: RunSummary['truth']): boolean {
  if (truth === null) return true;
  const { events, on_tape, missing, extra, undeclared, books_wrong } = truth;
  // A tape with nothing on it is faithful to nothing.
  const reached = on_tape > 0 || events === 0;
  return reached && missing === 0 && extra === 0 && undeclared === 0 && books_wrong === 0;
}

const number = new Intl.NumberFormat('en-US');
const millis = (value: number | null): string =>
  value === null ? 'not measured' : `${number.format(Math.round(value))} ms`;

/** The summary for a person. */
export function renderSummary(summary: RunSummary): string {
  const { truth, latency_ms } = summary;
  const tapeRows = Object.values(summary.tape.rows).reduce((sum, rows) => sum + rows, 0);
  const lines = [
    `ran for ${summary.seconds.toFixed(0)} s`,
    ...Object.entries(summary.lines).map(
      ([name, line]) =>
        `  line ${name}  ${number.format(line.frames)} frames, ${number.format(line.events)} events, ${number.format(line.stored)} stored, ${number.format(line.gaps)} gaps`,
    ),
    `  tape    ${number.format(tapeRows)} rows (${Object.entries(summary.tape.rows)
      .map(([kind, rows]) => `${number.format(rows)} ${kind}`)
      .join(', ')}), ${number.format(summary.tape.duplicates)} duplicates dropped`,
    `  latency frame to stream ${millis(latency_ms.frame_to_stream.p50)} (p99 ${millis(latency_ms.frame_to_stream.p99)}), frame to tape ${millis(latency_ms.frame_to_tape.p50)} (p99 ${millis(latency_ms.frame_to_tape.p99)})`,
  ];
  if (truth !== null) {
    lines.push(
      `  truth   ${number.format(truth.events)} events, ${number.format(truth.on_tape)} on the tape, ${truth.missing} missing, ${truth.extra} extra, ${truth.undeclared} undeclared; ${number.format(truth.books_compared)} books compared, ${truth.books_wrong} wrong`,
    );
  }
  return lines.join('\n');
}
