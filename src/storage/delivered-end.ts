import type { TimeSpan } from '../events/captured.ts';
import { RowError, shown } from './row-error.ts';

/** `RecordEnd` as it was delivered; what earlier versions do not say is null, absent or empty. */
export interface ReadEnd {
  readonly epoch: string;
  readonly order: number;
  readonly previous: number | null;
  readonly gap_free_since: number;
  readonly sealed_at: number;
  readonly gaps: number | null;
  readonly events?: TimeSpan | null;
  readonly before: { readonly previous: number | null; readonly events?: TimeSpan | null } | null;
  readonly split: boolean;
}

/** Part of the ids of gaps, where colons divide. */
const EPOCH = /^[^:\s]{0,100}$/;

type Fields = Readonly<Record<string, unknown>>;

function integer(name: string, value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new RowError(`${name}: expected an integer, got ${shown(value)}`);
  return value as number;
}

const integerOrNull = (name: string, value: unknown): number | null =>
  value === null || value === undefined ? null : integer(name, value);

function span(name: string, { events }: Fields): { readonly events?: TimeSpan | null } {
  if (events === undefined) return {};
  if (events === null) return { events };
  if (!Array.isArray(events) || events.length !== 2 || !events.every((time) => Number.isSafeInteger(time))) {
    throw new RowError(`${name}: expected two times, got ${shown(events)}`);
  }
  return { events: events as unknown as TimeSpan };
}

/** @throws RowError when it is not the end of a record. */
export function readEnd(line: Fields): ReadEnd {
  const { epoch = '', order, previous, gap_free_since, sealed_at, gaps, before, split } = line;
  if (typeof epoch !== 'string' || !EPOCH.test(epoch)) {
    throw new RowError(`epoch: expected the name of a life, got ${shown(epoch)}`);
  }
  if (before !== undefined && typeof before !== 'object') {
    throw new RowError(`before: expected an object, got ${shown(before)}`);
  }
  const earlier = (before ?? null) as Fields | null;
  return {
    epoch,
    order: integer('order', order),
    previous: previous === null ? null : integer('previous', previous),
    gap_free_since: integer('gap_free_since', gap_free_since),
    sealed_at: integer('sealed_at', sealed_at),
    gaps: integerOrNull('gaps', gaps),
    ...span('events', line),
    before:
      earlier === null
        ? null
        : {
            previous: integerOrNull('before.previous', earlier['previous']),
            ...span('before.events', earlier),
          },
    split: split === true,
  };
}
