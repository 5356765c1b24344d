import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRfc3339, type Micros, parseRfc3339, TimeError } from '#src/units/time.ts';
import { parseUtcText } from '#src/venues/utc-text.ts';

const micros = fc.integer({ min: 0, max: 4_102_444_800_000_000 }).map((value) => value as Micros);

describe('RFC 3339 times', () => {
  it('come back from their own writing, zeros cut or not', () => {
    fc.assert(
      fc.property(micros, (time) => {
        const text = formatRfc3339(time);
        const cut = text.replace(/\.?0+Z$/, 'Z');
        for (const parse of [parseRfc3339, parseUtcText]) {
          expect(parse(text)).toBe(time);
          expect(parse(cut)).toBe(time);
          expect(parse(text.replace('Z', '789Z'))).toBe(time);
        }
      }),
    );
  });

  it('are read alike by the quick reader and the general one, whatever the text', () => {
    const outcome = (parse: (text: string) => number, text: string): number | null => {
      try {
        return parse(text);
      } catch (error) {
        expect(error).toBeInstanceOf(TimeError);
        return null;
      }
    };
    const two = (max: number) => fc.integer({ min: 0, max }).map((value) => String(value).padStart(2, '0'));
    const text = fc
      .tuple(
        fc.integer({ min: 1960, max: 2100 }),
        two(14),
        two(33),
        fc.constantFrom('T', 't', ' '),
        two(25),
        two(61),
        two(61),
        fc.constantFrom('', '.', '.5', '.84205', '.123456', '.1234567', '.1234567890', '.x'),
        fc.constantFrom('Z', 'z', '+02:00', '-0530', ''),
      )
      .map(
        ([year, month, day, t, hour, minute, second, fraction, zone]) =>
          `${year}-${month}-${day}${t}${hour}:${minute}:${second}${fraction}${zone}`,
      );
    fc.assert(
      fc.property(text, (value) => {
        expect(outcome(parseUtcText, value), value).toBe(outcome(parseRfc3339, value));
      }),
      { numRuns: 5_000 },
    );
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(outcome(parseUtcText, value)).toBe(outcome(parseRfc3339, value));
      }),
    );
  });

  it('of the last days of months are right', () => {
    for (const day of ['2024-02-29', '2026-12-31', '2026-01-31', '2026-04-30']) {
      expect(parseUtcText(`${day}T23:59:59.999999Z`)).toBe(Date.parse(`${day}T23:59:59Z`) * 1_000 + 999_999);
    }
  });
});
