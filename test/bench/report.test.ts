import { describe, expect, it } from 'vitest';
import { measure, median, quantile, rateRow } from '../../bench/measure.ts';
import { besideRecorded, readRecorded } from '../../bench/recorded.ts';
import { jsonLine, shortTable, table, withSection } from '../../bench/report.ts';
import { isReached, type Row } from '../../bench/row.ts';

const row: Row = {
  name: 'decimals',
  ours: 12_300_000,
  peer: 11_000_000,
  peerName: 'parseFloat',
  ratio: 1.1,
  reach: 1,
  lowerIsBetter: false,
  unit: 'texts/s',
  spread: [1, 1.2],
};

describe('the report of the bench', () => {
  it('ends with one line of JSON that has exactly the fields its readers rely on', () => {
    const { rows } = JSON.parse(jsonLine([row])) as { rows: unknown[] };
    const { unit: _unit, spread: _spread, ...documented } = row;
    expect(rows).toEqual([documented]);
  });

  it('shows rows with and without a figure to reach, and says which are not reached', () => {
    const text = table([row, { ...row, ratio: 0.5 }, { ...row, reach: null, spread: null }]);
    expect(text).toContain('12.3 M');
    expect(text.split('\n')).toHaveLength(5);
    expect(text.match(/\*\*no\*\*/g)).toHaveLength(1);
    expect(shortTable([row, { ...row, reach: null }]).split('\n')).toHaveLength(3);
    const grouped = shortTable([
      { ...row, group: 'all' },
      { ...row, name: 'other', ratio: 3, group: 'all' },
    ]);
    expect(grouped.split('\n').slice(2)).toEqual(['| all | parseFloat | 1.10 to 3.00 | 1.00 |']);
    expect([row, { ...row, ratio: 0.9 }, { ...row, reach: null }].map(isReached)).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('replaces a section of a document and nothing else, and names a section that is not there', () => {
    const document = 'before\n<!-- x:begin -->\nold\n<!-- x:end -->\nafter\n';
    expect(withSection(document, 'x', 'new')).toBe('before\n<!-- x:begin -->\nnew\n<!-- x:end -->\nafter\n');
    expect(() => withSection(document, 'y', 'new')).toThrow('<!-- y:begin -->');
  });
});

describe('the guard', () => {
  it('names what is lower by more than three tenths, and no row that nobody recorded', () => {
    const rows = [row, { ...row, name: 'merge', ratio: 0.3 }, { ...row, name: 'new', ratio: 0.01 }];
    expect(besideRecorded(rows, { decimals: 1.2, merge: 0.5, gone: 9 }).split('\n')).toEqual([
      'merge: 0.30, was 0.50',
      '2 of 3 figures have been recorded; lower than that by more than three tenths: 1',
    ]);
    expect(besideRecorded([{ ...row, ratio: Number.NaN }], { decimals: 1 })).toContain('decimals: NaN');
  });

  it('has figures of a whole run to go by', () => {
    expect(Object.keys(readRecorded()).length).toBeGreaterThan(10);
  });
});

describe('measuring', () => {
  it('makes the ratio round by round, so that a slow round of both changes nothing', () => {
    const rates = new Map([
      ['a', [10, 1, 12]],
      ['b', [5, 0.5, 6]],
    ]);
    const { ratio, ours, spread } = rateRow(rates, 'a', 'b', { name: 'x', reach: 3, unit: 'y' });
    expect([ratio, ours, spread]).toEqual([2, 10, [2, 2]]);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(quantile([0, 10], 0.25)).toBe(2.5);
  });

  it('lets everybody begin equally often, makes ready before each run, and counts no warm-up', async () => {
    const calls: string[] = [];
    const contender = (name: string) => ({
      name,
      prepare: () => void calls.push(`ready ${name}`),
      run: () => {
        calls.push(name);
        return 1;
      },
    });
    const rates = await measure([contender('a'), contender('b')], 2);
    expect(rates.get('a')).toHaveLength(2);
    expect(calls.slice(-8)).toEqual(['ready a', 'a', 'ready b', 'b', 'ready b', 'b', 'ready a', 'a']);
  });
});
