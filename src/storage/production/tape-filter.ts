import type { Micros } from '../../units/time.ts';
import { endsAfter } from './gaps-in-time.ts';

/** Which rows; absent conditions let everything through. Times in microseconds, `from` included, `to` not. */
export interface TapeFilter {
  readonly venue?: string;
  readonly instrument?: string;
  /** Instruments of the markets of this event. */
  readonly event?: string;
  /** Instruments of the markets of this series. */
  readonly series?: string;
  readonly from?: Micros;
  readonly to?: Micros;
  readonly limit?: number;
  /** Only rows behind this one in the query's order: the values of the columns that it is ordered by. */
  readonly after?: readonly unknown[];
}

/** Collects conditions with their parameters. */
export class Conditions {
  readonly values: unknown[] = [];
  readonly #texts: string[] = [];

  /** @param condition with `?` where the value's placeholder goes. */
  add(condition: string, value: unknown): void {
    if (value === undefined) return;
    this.values.push(value);
    this.#texts.push(condition.replaceAll('?', `$${this.values.length}`));
  }

  /** Only rows behind one of which the values of these columns are given: the columns that the query is ordered by. */
  addAfter(columns: readonly string[], values: readonly unknown[] | undefined): void {
    this.#addRow(columns, '>', values);
  }

  /** As `addAfter`, with the row itself. */
  addFrom(columns: readonly string[], values: readonly unknown[] | undefined): void {
    this.#addRow(columns, '>=', values);
  }

  #addRow(columns: readonly string[], relation: string, values: readonly unknown[] | undefined): void {
    if (values === undefined) return;
    const places = columns.map((_, index) => `$${this.values.push(values[index])}`);
    this.#texts.push(`(${columns.join(', ')}) ${relation} (${places.join(', ')})`);
  }

  get where(): string {
    return this.#texts.length === 0 ? '' : `WHERE ${this.#texts.join(' AND ')}`;
  }

  limit(rows: number | undefined): string {
    if (rows === undefined) return '';
    this.values.push(rows);
    return `LIMIT $${this.values.length}`;
  }
}

const instrumentsWhere = (condition: string): string =>
  `(SELECT i.venue, i.instrument FROM instruments AS i JOIN markets AS m ON m.venue = i.venue AND m.market = i.market
    WHERE ${condition})`;

/** The conditions of a filter on a table of events. @param time the table's column of venue time. */
export function eventConditions(filter: TapeFilter, time: string): Conditions {
  const conditions = new Conditions();
  conditions.add('venue = ?', filter.venue);
  conditions.add('instrument = ?', filter.instrument);
  conditions.add(`(venue, instrument) IN ${instrumentsWhere('m.event = ?')}`, filter.event);
  conditions.add(`(venue, instrument) IN ${instrumentsWhere('m.series = ?')}`, filter.series);
  conditions.add(`${time} >= ?`, filter.from);
  conditions.add(`${time} < ?`, filter.to);
  return conditions;
}

/**
 * By what rows of a table of events are ordered first: venue time. For those of all instruments it is the expression that
 * the index by time is of, whose bounds are added; the rows of an instrument, an event or a series are found by instrument.
 * Behind a row are only days from its own on, which the server does not conclude from the comparison of whole rows.
 */
export function timeOrder(filter: TapeFilter, table: string, time: string, conditions: Conditions): string {
  const { instrument, event, series, from, to, after } = filter;
  conditions.add(`${table}.${time} >= ?`, after?.[0]);
  if ((instrument ?? event ?? series) !== undefined) return `${table}.${time}`;
  const order = `(${table}.${time} + 0)`;
  conditions.add(`${order} >= ?`, from);
  conditions.add(`${order} < ?`, to);
  return order;
}

/** Adds conditions of announcements: those about an event or a series, and about markets of it. */
export function addAnnouncementConditions(
  conditions: Conditions,
  { event, series }: Pick<TapeFilter, 'event' | 'series'>,
): void {
  const marketsWhere = (condition: string): string =>
    `(SELECT m.venue, m.market FROM markets AS m WHERE ${condition})`;
  conditions.add(
    `(is_event AND subject = ? OR NOT is_event AND (venue, subject) IN ${marketsWhere('m.event = ?')})`,
    event,
  );
  conditions.add(
    `(is_event AND (venue, subject) IN (SELECT m.venue, m.event FROM markets AS m WHERE m.series = ?)
      OR NOT is_event AND (venue, subject) IN ${marketsWhere('m.series = ?')})`,
    series,
  );
}

/** The conditions of a filter on gaps: those of whole venues belong to every instrument of theirs. */
export function gapConditions(filter: TapeFilter): Conditions {
  const conditions = new Conditions();
  conditions.add('venue = ?', filter.venue);
  conditions.add(`instrument IN (?, '*')`, filter.instrument);
  for (const name of ['event', 'series'] as const) {
    const instruments = instrumentsWhere(`m.${name} = ?`);
    conditions.add(
      `((venue, instrument) IN ${instruments}
        OR instrument = '*' AND venue IN (SELECT venue FROM markets AS m WHERE m.${name} = ?))`,
      filter[name],
    );
  }
  conditions.add('from_ts < ?', filter.to);
  conditions.add(endsAfter('to_ts', '?'), filter.from);
  return conditions;
}
