import type { Configuration } from '#src/config/schema.ts';
import type { ComparedEvent } from '#src/tape/truth-identity.ts';
import { isCombo } from '#src/venues/kalshi/markets.ts';

/**
 * Which events a configuration wants on the tape: what it leaves out needs no gap. Combos are left out by their
 * ticker. A filter looks at what a log of events does not tell, so that where there is one, an instrument is
 * wanted when a line expected it.
 *
 * @param isExpected whether any line ever expected the instrument.
 */
export function captureScope(
  { venues }: Pick<Configuration, 'venues'>,
  isExpected: (venue: string, instrument: string) => boolean,
): (event: ComparedEvent) => boolean {
  const filtered = new Set<string>(
    Object.entries(venues)
      .filter(([, { filter }]) => filter.include.length + filter.exclude.length > 0)
      .map(([venue]) => venue),
  );
  return ({ venue, subject, instruments = [] }) => {
    if (venue === 'kalshi' && !venues.kalshi.combos && isCombo(subject)) return false;
    return !filtered.has(venue) || [subject, ...instruments].some((name) => isExpected(venue, name));
  };
}
