import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecentKeys } from '#src/capture/keeper/copies.ts';

const CAPACITY = 8;
const key = fc.tuple(
  fc.constantFrom('KX-A', 'KX-B', '', 'é'),
  fc.constantFrom(0, 1_795_000_000_000_000, 1_795_000_000_000_001),
  fc.constantFrom(0, -1, 7),
);

describe('the keys remembered of late', () => {
  it('are told from one another by text, number and key, and never forgotten before so many others came', () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 200 }), (sequence) => {
        const keys = new RecentKeys(CAPACITY);
        const fresh: string[] = [];
        for (const [text, number, key] of sequence) {
          const name = JSON.stringify([text, number, key]);
          const isNew = keys.add(text, number, key);
          const place = fresh.lastIndexOf(name);
          // Remembered are at least the last eight, at most twice as many.
          if (place < 0 || fresh.length - place > 2 * CAPACITY) expect(isNew).toBe(true);
          else if (fresh.length - place <= CAPACITY) expect(isNew).toBe(false);
          if (isNew) fresh.push(name);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('hold tens of thousands of trade ids apart', () => {
    const keys = new RecentKeys(65_536);
    for (let number = 0; number < 60_000; number++) expect(keys.add(`trade-${number}`, 0, 0)).toBe(true);
    for (let number = 0; number < 60_000; number++) expect(keys.add(`trade-${number}`, 0, 0)).toBe(false);
  });
});
