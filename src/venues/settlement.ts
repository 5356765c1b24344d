import type { Price } from '../units/price.ts';

/** What a market's outcome is, as one announcement tells it. It may change: every announcement is kept. */
export interface Outcome {
  /** The venue's own word: yes, no, scalar, or the name of an outcome; null where it does not say. */
  readonly outcome: string | null;
  /** What pays; null where the announcement does not name it. */
  readonly instrument: string | null;
  /** What one contract of the instrument pays; null where the venue does not say. */
  readonly value: Price | null;
}

/** How a venue announces what its markets pay. */
export interface SettlementReader {
  /** Types of announcements that tell an outcome. */
  readonly types: readonly string[];
  /** @param market the announcement's subject. @param details as received, of whatever shape. */
  outcomeOf(market: string, details: Readonly<Record<string, unknown>>): Outcome;
}
