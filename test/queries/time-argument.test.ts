import { describe, expect, it } from 'vitest';
import { parseTimeArgument } from '#src/queries/time-argument.ts';
import { type Micros, parseRfc3339 } from '#src/units/time.ts';

const now = parseRfc3339('2026-11-20T15:04:05.123456Z');

describe('a time on the command line', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['now', now],
    ['2h ago', now - 7_200_000_000],
    ['90s', now - 90_000_000],
    ['1.5 hours ago', now - 5_400_000_000],
    ['3 days ago', now - 3 * 86_400_000_000],
    ['2026-11-20T15:04:05.123456Z', now],
    ['2026-11-20T16:04:05.123456+01:00', now],
    ['2026-11-20', parseRfc3339('2026-11-20T00:00:00Z')],
    ['2026-11-20 15:04', parseRfc3339('2026-11-20T15:04:00Z')],
    ['2026-11-20T15:04:05.5', parseRfc3339('2026-11-20T15:04:05.5Z')],
    ['1795187045', 1_795_187_045_000_000],
    ['1795187045123', 1_795_187_045_123_000],
    ['1795187045123456', 1_795_187_045_123_456],
    ['0', 0],
  ];
  for (const [text, expected] of cases) {
    it(`reads ${JSON.stringify(text)}`, () => {
      expect(parseTimeArgument(text, now)).toBe(expected as Micros);
    });
  }

  for (const text of ['', 'yesterday', '2026-13-01', '2h later', '-5', '1e9', '12345678901234567890']) {
    it(`refuses ${JSON.stringify(text)} and says what is accepted`, () => {
      expect(() => parseTimeArgument(text, now)).toThrow(/^not a time: .*expected e\.g\./);
    });
  }
});
