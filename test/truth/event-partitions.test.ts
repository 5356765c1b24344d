import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { TruthComparison } from '#src/tape/truth-comparison.ts';
import type { ComparedEvent } from '#src/tape/truth-identity.ts';
import { EventPartitions } from '#src/truth/event-partitions.ts';
import type { Micros } from '#src/units/time.ts';

const folder = mkdtempSync(join(tmpdir(), 'tape-partitions-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rules = {
  gapsOf: (_venue: string, instrument: string) =>
    instrument === 'I1' ? [{ from: 3 as Micros, to: 6 as Micros }] : [],
  horizon: 8 as Micros,
  provenSince: 2 as Micros,
  isWanted: ({ subject }: ComparedEvent) => subject !== 'I2',
  maxExamples: 3,
};

const event = fc.record({
  kind: fc.constantFrom('trade' as const, 'ticker' as const, 'lifecycle' as const),
  number: fc.nat(3),
  time: fc.nat(9),
  identity: fc.nat(12),
  role: fc.constantFrom('sent', 'unsent', 'tape'),
  about: fc.constantFrom(undefined, [], ['I1'], ['I1', 'I3\nmarket “é”']),
});

describe('events compared part by part', () => {
  it('give what a comparison of all at once gives', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), fc.integer({ min: 1, max: 7 }), (events, parts) => {
        const whole = new TruthComparison({ ...rules, maxExamples: 1_000 });
        const parted = new EventPartitions(join(folder, 'parts'), parts);
        for (const { kind, number, identity, time, role, about } of events) {
          const one: ComparedEvent = {
            kind,
            venue: 'kalshi',
            subject: `I${number}`,
            ...(about === undefined ? {} : { instruments: about }),
            // Every time belongs to its identity, as with real events.
            time: ((identity + number) % 10) as Micros,
            identity: `${kind}|I${number}|${identity}|${time > 4 ? 'é“' : ''}\n`,
          };
          if (role === 'tape') {
            whole.tape(one);
            parted.tape(one);
          } else {
            const delivered = role === 'sent' ? 2 : 0;
            const sent = { ...one, delivered, ...(number > 1 ? { sentAt: time as Micros } : {}) };
            whole.truth(sent);
            parted.truth(sent);
          }
        }
        const { examples, ...sums } = parted.finish(rules);
        const { examples: all, ...expected } = whole.finish();
        expect(sums).toEqual(expected);
        for (const verdict of ['missing', 'extra', 'undeclared']) {
          const found = examples.filter((example) => example.verdict === verdict);
          const wanted = all.filter((example) => example.verdict === verdict);
          expect(found).toHaveLength(Math.min(3, wanted.length));
          for (const example of found) expect(wanted).toContainEqual(example);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are spread over all parts, wait on disk, and leave nothing behind', () => {
    const directory = join(folder, 'spread');
    const parted = new EventPartitions(directory, 4);
    const detail = 'x'.repeat(1_000);
    for (let number = 0; number < 1_000; number++) {
      parted.tape({
        kind: 'trade',
        venue: 'kalshi',
        subject: 'I',
        time: 1 as Micros,
        identity: `${number}|${detail}`,
      });
    }
    expect(readdirSync(directory)).toHaveLength(4);
    expect(parted.waitingCharacters).toBeLessThan(4 * 70_000);
    expect(parted.finish(rules)).toMatchObject({ extra: 1_000 });
    expect(existsSync(directory)).toBe(false);
  });

  it('begin with none that an interrupted comparison left', () => {
    const directory = join(folder, 'left');
    new EventPartitions(directory, 9);
    writeFileSync(join(directory, '0.jsonl'), 'half a li');
    const parted = new EventPartitions(directory, 1);
    expect(readdirSync(directory)).toEqual(['0.jsonl']);
    expect(parted.finish(rules)).toMatchObject({ events: 0, extra: 0 });
  });
});
