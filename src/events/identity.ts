import type { BookSnapshotEvent, Level, LifecycleEvent, TickerEvent } from './event.ts';

/**
 * 32-bit keys by which equal content is recognised on every line, at any time, in any process: they are stored,
 * so their definition never changes. Seed and multipliers are those of MurmurHash3 (x86, 32 bits).
 */
const SEED = 0x1b873593 | 0;
const FIRST = 0xcc9e2d51 | 0;
const SECOND = 0x85ebca6b | 0;
const THIRD = 0xc2b2ae35 | 0;
const TWO_TO_32 = 4_294_967_296;

function mix(hash: number, word: number): number {
  let k = Math.imul(word, FIRST);
  k = (k << 15) | (k >>> 17);
  k = Math.imul(k, SEED);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, SECOND);
  h ^= h >>> 13;
  h = Math.imul(h, THIRD);
  return (h ^ (h >>> 16)) | 0;
}

function mixText(hash: number, text: string): number {
  let h = mix(hash, text.length);
  for (let index = 0; index < text.length; index++) h = mix(h, text.charCodeAt(index));
  return h;
}

/** Takes any safe integer; null and undefined count as a value of their own. */
function mixInteger(hash: number, value: number | null | undefined): number {
  if (value === null || value === undefined) return mix(hash, 0x6e756c6c);
  const low = value | 0;
  return mix(mix(hash, low), Math.floor(value / TWO_TO_32) | 0);
}

function mixLevels(hash: number, levels: readonly Level[]): number {
  let h = mix(hash, levels.length);
  for (const [price, size] of levels) h = mixInteger(mixInteger(h, price), size);
  return h;
}

/** JSON values by meaning: the order of keys changes nothing, and neither does a key that is undefined. */
function mixJson(hash: number, value: unknown): number {
  switch (typeof value) {
    case 'string':
      return mixText(mix(hash, 1), value);
    case 'number':
      return Number.isSafeInteger(value)
        ? mixInteger(mix(hash, 2), value)
        : mixText(mix(hash, 3), String(value));
    case 'boolean':
      return mix(hash, value ? 4 : 5);
    case 'object': {
      if (value === null) return mix(hash, 6);
      if (Array.isArray(value)) {
        let h = mix(mix(hash, 7), value.length);
        for (const item of value) h = mixJson(h, item);
        return h;
      }
      const record = value as Record<string, unknown>;
      let h = mix(hash, 8);
      for (const key of Object.keys(record).sort()) {
        if (record[key] !== undefined) h = mixJson(mixText(h, key), record[key]);
      }
      return mix(h, 9);
    }
    default:
      return mix(hash, 10);
  }
}

/**
 * The stored `hash_key` of a venue's hash: a signed 32-bit integer, 0 exactly when there is no hash (an empty
 * text counts as none).
 */
export function hashKey(hash: string | undefined): number {
  if (hash === undefined || hash === '') return 0;
  return finish(mixText(SEED, hash)) || 1;
}

/** The `content_key` of a ticker: every figure, neither time nor instrument, which are identity beside it. */
export function tickerContentKey(event: TickerEvent): number {
  let h = mixInteger(SEED, event.bid);
  h = mixInteger(h, event.ask);
  h = mixInteger(h, event.bid_size);
  h = mixInteger(h, event.ask_size);
  h = mixInteger(h, event.last);
  h = mixInteger(h, event.volume);
  return finish(mixInteger(h, event.open_interest));
}

/** The `hash_key` of a snapshot: that of the venue's hash, else of the depth and levels. */
export function snapshotContentKey(event: BookSnapshotEvent): number {
  if (event.hash !== undefined && event.hash !== '') return hashKey(event.hash);
  return finish(mixLevels(mixLevels(mixInteger(SEED, event.depth), event.bids), event.asks));
}

/** The `content_key` of a lifecycle message: subject, type, status and the message itself, no time of ours. */
export function lifecycleContentKey(event: LifecycleEvent): number {
  let h = mixJson(SEED, event.market);
  h = mixJson(h, event.event);
  h = mixJson(h, event.type);
  h = mixJson(h, event.status);
  return finish(mixJson(h, event.details));
}

/** The stored content key of an event that is identified by its content; see `src/storage/tables.ts`. */
export function contentKey(event: TickerEvent | BookSnapshotEvent | LifecycleEvent): number {
  switch (event.kind) {
    case 'ticker':
      return tickerContentKey(event);
    case 'book_snapshot':
      return snapshotContentKey(event);
    case 'lifecycle':
      return lifecycleContentKey(event);
  }
}
