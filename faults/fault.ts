/** What one row of the matrix found. Field names are a contract: `npm run faults -- --json`. */
export interface FaultOutcome {
  /** Events that the exchange sent to somebody. */
  readonly events: number;
  /** Of those that at least one line received: not on the tape, and in no gap of it. */
  readonly missing: number;
  /** On the tape, and never made. */
  readonly extra: number;
  /** Books that the tape calls complete and that the exchange did not have. */
  readonly books_wrong: number;
  /** Gaps of the tape from the begin of the fault on. */
  readonly declared_gaps: number;
  /** Events that were sent to nobody, and of which the tape does not say that it lacks them. */
  readonly undeclared_gaps: number;
  /** From the end of the fault until everything was as before, seconds; null where it did not become so. */
  readonly recover_s: number | null;
}

/** A row of the matrix as it is run. */
export interface Fault {
  readonly name: string;
  /** Row of the matrix in the documentation. */
  readonly row: number;
  /** What is done, in a few words. */
  readonly about: string;
  /** How long it may take, where that is longer than others; it is then run only by name. Milliseconds. */
  readonly limitMillis?: number;
  /** @throws FaultFailed, or whatever kept the row from being run. */
  readonly run: (note: (text: string) => void, seed: number) => Promise<FaultOutcome>;
}

/** A row that was not what it is to be: the fault did not take, or its consequences were not the promised ones. */
export class FaultFailed extends Error {
  override readonly name = 'FaultFailed';
}

/** @throws FaultFailed unless what is held to be so is so. */
export function require(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new FaultFailed(otherwise);
}

/** Whether the promises held. */
export function isHeld(outcome: FaultOutcome): boolean {
  const { events, missing, extra, books_wrong, undeclared_gaps, recover_s } = outcome;
  // A row in which nothing was captured shows nothing.
  return (
    events > 0 &&
    missing === 0 &&
    extra === 0 &&
    books_wrong === 0 &&
    undeclared_gaps === 0 &&
    recover_s !== null
  );
}
