import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Row } from './row.ts';

const FILE = new URL('./figures.json', import.meta.url);
/** Ratios of quick runs beside other work vary by a fifth; what is lower than this part is worth a look. */
const LOWEST_PART = 0.7;

/** Ratios of the last whole run, by the name of their row. */
export type Recorded = Readonly<Record<string, number>>;

const schema = z.record(z.string(), z.number());

/** @throws Error when the file is not there or not of that form. */
export function readRecorded(): Recorded {
  return schema.parse(JSON.parse(readFileSync(FILE, 'utf8')));
}

export function writeRecorded(rows: readonly Row[]): void {
  const ratios = Object.fromEntries(rows.map(({ name, ratio }) => [name, Number(ratio.toFixed(2))]));
  writeFileSync(FILE, `${JSON.stringify(ratios, null, 2)}\n`);
}

/** What a person is to know of figures that are lower than they were: a line for each, and one that sums up. */
export function besideRecorded(rows: readonly Row[], recorded: Recorded): string {
  const known = rows.filter(({ name }) => recorded[name] !== undefined);
  const lower = known.filter(({ name, ratio }) => !(ratio >= recorded[name]! * LOWEST_PART));
  return [
    ...lower.map(({ name, ratio }) => `${name}: ${ratio.toFixed(2)}, was ${recorded[name]!.toFixed(2)}`),
    `${known.length} of ${rows.length} figures have been recorded; lower than that by more than three tenths: ${lower.length}`,
  ].join('\n');
}
