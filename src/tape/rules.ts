import { MICROS_PER_SECOND } from '../units/time.ts';

/** Allowances by which the tape reckons, in microseconds; merge and queries use the same. */
export interface TapeRules {
  /** A line without a heartbeat for longer than this counts as down. */
  readonly silence: number;
  /** By how much an event may arrive after its venue time: a gap begins this much before its receive time. */
  readonly arrivalAllowance: number;
  /** How far behind a line's heartbeat its events may still be on their way through its stream. */
  readonly settleAllowance: number;
}

export const defaultRules: TapeRules = {
  silence: 30 * MICROS_PER_SECOND,
  arrivalAllowance: MICROS_PER_SECOND,
  settleAllowance: 2 * MICROS_PER_SECOND,
};
