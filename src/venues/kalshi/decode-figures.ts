import { type Fields, isAbsent, millionthsOf, shown, wholeUnitsOf } from '../field-values.ts';
import type { FrameResult } from '../frame-result.ts';

/** Micro-dollars of a cent. */
export const CENT = 10_000;
/** Micro-contracts of a contract. */
export const ONE_CONTRACT = 1_000_000;

/**
 * How one kind of figure is written, today and formerly (protocol: cents to dollars). The key decides the unit,
 * never the magnitude.
 */
interface Notation {
  readonly reason: 'bad_price' | 'bad_size';
  readonly today: string;
  readonly legacy: string;
  /** Millionths of the legacy form's unit. */
  readonly unit: number;
}

const PRICE: Notation = { reason: 'bad_price', today: 'dollars', legacy: 'cents', unit: CENT };
const SIZE: Notation = { reason: 'bad_size', today: 'contracts', legacy: 'contracts', unit: ONE_CONTRACT };

/** Reads one level's price or count in the form that its key tells; NaN where it cannot be read exactly. */
export type FigureReader = (value: unknown) => number;

export const dollarsOf: FigureReader = millionthsOf;
export const centsOf: FigureReader = (value) => wholeUnitsOf(value, CENT);
export const contractsOf: FigureReader = millionthsOf;

/**
 * A price in micro-dollars: of `today` where it is there, else of `legacy`. Null where neither is there, NaN
 * where it cannot be read, which is then reported.
 */
export function readPrice(
  fields: Fields,
  today: string,
  legacy: string,
  result: FrameResult,
  instrument: string,
): number | null {
  return readFigure(fields, today, legacy, PRICE, result, instrument);
}

/** A size, or a signed change of one, in micro-contracts; otherwise as `readPrice`. */
export function readSize(
  fields: Fields,
  today: string,
  legacy: string,
  result: FrameResult,
  instrument: string,
): number | null {
  return readFigure(fields, today, legacy, SIZE, result, instrument);
}

function readFigure(
  fields: Fields,
  today: string,
  legacy: string,
  notation: Notation,
  result: FrameResult,
  instrument: string,
): number | null {
  const stated = fields[today];
  const formerly = fields[legacy];
  if (isAbsent(stated)) {
    if (isAbsent(formerly)) return null;
    const figure = notation === SIZE ? millionthsOf(formerly) : wholeUnitsOf(formerly, notation.unit);
    if (Number.isNaN(figure)) reportFigure(legacy, formerly, notation, notation.legacy, result, instrument);
    return figure;
  }
  const figure = millionthsOf(stated);
  if (Number.isNaN(figure)) reportFigure(today, stated, notation, notation.today, result, instrument);
  else if (!isAbsent(formerly) && !agree(figure, formerly, notation.unit)) {
    const both = `${today} ${shown(stated)} and ${legacy} ${shown(formerly)}`;
    result.problem('disagreement', `${both} disagree; the former is kept`, instrument);
  }
  return figure;
}

function reportFigure(
  key: string,
  value: unknown,
  notation: Notation,
  unit: string,
  result: FrameResult,
  instrument: string,
): void {
  const expected = unit === 'cents' ? 'whole cents' : `${unit} with at most six decimals`;
  result.problem(notation.reason, `${key} is ${shown(value)}, not ${expected}`, instrument);
}

/** Whether a legacy figure can be what is left of the exact one when it is rounded to whole units. */
function agree(figure: number, formerly: unknown, unit: number): boolean {
  const rounded = wholeUnitsOf(formerly, unit);
  return Number.isNaN(rounded) ? millionthsOf(formerly) === figure : Math.abs(rounded - figure) < unit;
}
