import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultOutcome, isHeld } from '../../faults/fault.ts';
import { matrix } from '../../faults/matrix.ts';
import { forgetCorpus } from '../../faults/storage/corpus.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

function faults(...parameters: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['faults/main.ts', ...parameters], { cwd: root, encoding: 'utf8' });
}

const good: FaultOutcome = {
  events: 10,
  missing: 0,
  extra: 0,
  books_wrong: 0,
  declared_gaps: 3,
  undeclared_gaps: 0,
  recover_s: 1,
};

describe('the command', () => {
  it('names an unknown fault and those that it knows, in one line', () => {
    const { status, stdout, stderr } = faults('gatherer-killd');
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(
      /^faults: there is no fault gatherer-killd; known are [^\n]*gatherer-killed[^\n]*\n$/,
    );
  });

  it('refuses an option that it does not have, and a seed that is no number', () => {
    expect(faults('--jsn')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^faults: [^\n]*jsn[^\n]*\n$/),
    });
    expect(faults('--seed', 'x')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^faults: --seed [^\n]*"x"\n$/),
    });
  });

  it('lists every fault with its row', () => {
    const { status, stdout } = faults('--list');
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(matrix.length);
    expect(new Set(matrix.map(({ name }) => name)).size).toBe(matrix.length);
  });

  it.each([
    ['missing', { missing: 1 }],
    ['extra', { extra: 1 }],
    ['books_wrong', { books_wrong: 1 }],
    ['undeclared_gaps', { undeclared_gaps: 1 }],
    ['recover_s', { recover_s: null }],
    ['events', { events: 0 }],
  ])('takes no outcome for held when %s is not as it is to be', (_, wrong) => {
    expect(isHeld(good)).toBe(true);
    expect(isHeld({ ...good, ...wrong })).toBe(false);
  });
});

describe('what three lines handed over', () => {
  const outcomes = new Map<string, FaultOutcome>();
  const names = ['merge-killed-between-statements', 'deliveries-cut-repeated-and-reordered'];

  beforeAll(async () => {
    for (const name of names) {
      const fault = matrix.find((one) => one.name === name)!;
      outcomes.set(name, await fault.run(() => {}, 1));
    }
  }, 400_000);
  afterAll(forgetCorpus);

  it.each(names)('is on the tape as the exchange made it: %s', (name) => {
    const outcome = outcomes.get(name)!;
    expect(outcome).toMatchObject({ missing: 0, extra: 0, books_wrong: 0, undeclared_gaps: 0 });
    expect(outcome.events).toBeGreaterThan(1_000);
    expect(isHeld(outcome)).toBe(true);
  });
});
