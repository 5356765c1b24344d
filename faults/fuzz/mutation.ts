import type { Random } from '../../sim/market/random.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Values that readers of numbers, times, names and JSON have stumbled over elsewhere. */
const HOSTILE: readonly Json[] = [
  null,
  true,
  '',
  ' ',
  '0',
  '-0',
  '-1',
  '1e5',
  '1e400',
  '0x10',
  'NaN',
  'Infinity',
  '0.0000001',
  '9007199254740993',
  '٣',
  '__proto__',
  'constructor',
  "'; DROP TABLE trades; --",
  '../../etc/passwd',
  '\u0000',
  '\ud800',
  '\u2028',
  0,
  -1,
  0.1,
  1e-7,
  1e21,
  -1e308,
  Number.MAX_SAFE_INTEGER,
  [],
  {},
  [[]],
  [null],
  { __proto__x: 1 },
];

const BYTES = ['{', '}', '[', ']', '"', ',', ':', '\\', '\u0000', '\n', '-', '.', 'e', '9', '\ud800', 'é'];

/** Nested deeper than a recursive reader follows. */
const DEEP = 20_000;
const LONG = 200_000;
/** Share of whole JSON in which something is that deep or long. */
const RARE = 0.002;
const MARK = 'here';

type Place = readonly (string | number)[];

function places(value: Json, most: number): Place[] {
  const found: Place[] = [];
  const visit = (at: Json, path: Place): void => {
    if (found.length >= most) return;
    found.push(path);
    if (at === null || typeof at !== 'object') return;
    for (const [key, item] of Object.entries(at))
      visit(item, [...path, Array.isArray(at) ? Number(key) : key]);
  };
  visit(value, []);
  return found;
}

function holderOf(value: Json, place: Place): Record<string | number, Json> {
  return place.slice(0, -1).reduce((at, key) => (at as Record<string | number, Json>)[key]!, value) as Record<
    string | number,
    Json
  >;
}

/** Texts made worse: broken as text, or whole JSON that says something else. The same seed makes the same ones. */
export class Mutation {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /**
   * @param text what is made worse
   * @param other of the same kind; parts of it come into the result
   */
  of(text: string, other: string): string {
    const random = this.#random;
    let result = random.chance(0.6) ? this.#rewritten(text, other) : this.#broken(text, other);
    while (random.chance(0.2)) result = this.#broken(result, other);
    return result;
  }

  #broken(text: string, other: string): string {
    const random = this.#random;
    const from = random.between(0, Math.max(0, text.length - 1));
    const to = Math.min(text.length, from + random.geometric(0.1, 200) + 1);
    switch (random.between(0, 8)) {
      case 0:
        return text.slice(0, from);
      case 1:
        return text.slice(from);
      case 2:
        return text.slice(0, from) + text.slice(to);
      case 3:
        return text.slice(0, to) + text.slice(from);
      case 4:
        return text.slice(0, from) + random.pick(BYTES) + text.slice(from + 1);
      case 5:
        return text.slice(0, from) + random.pick(BYTES) + text.slice(from);
      case 6:
        return text.slice(0, from) + other.slice(random.between(0, other.length));
      case 7:
        return random.pick(['', '\u0000', 'null', '[]', '{}', '"', '<html>', 'PONG', '﻿', text + other]);
      default:
        return text.replaceAll(/\d/g, (digit) => (random.chance(0.1) ? String(random.between(0, 9)) : digit));
    }
  }

  #rewritten(text: string, other: string): string {
    let value: Json;
    try {
      value = JSON.parse(text) as Json;
    } catch {
      return this.#broken(text, other);
    }
    const random = this.#random;
    for (let change = random.geometric(0.6, 5) + 1; change > 0; change--) value = this.#changed(value, other);
    if (!random.chance(RARE)) return JSON.stringify(value);
    // Nothing becomes this deep or long by small changes.
    const place = random.pick(places(value, 2_000));
    const key = place.at(-1);
    const extreme = random.pick([
      `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`,
      `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`,
      JSON.stringify('x'.repeat(LONG)),
      `[${'0,'.repeat(LONG)}0]`,
    ]);
    if (key === undefined) return extreme;
    holderOf(value, place)[key] = MARK;
    return JSON.stringify(value).replace(JSON.stringify(MARK), extreme);
  }

  #changed(value: Json, other: string): Json {
    const random = this.#random;
    const place = random.pick(places(value, 2_000));
    const key = place.at(-1);
    if (key === undefined) return random.chance(0.1) ? random.pick(HOSTILE) : value;
    const holder = holderOf(value, place);
    const own = holder[key]!;
    switch (random.between(0, 8)) {
      case 0:
      case 1:
      case 2:
        holder[key] = structuredClone(random.pick(HOSTILE));
        break;
      case 3:
        if (Array.isArray(holder)) holder.splice(Number(key), 1);
        else delete holder[key];
        break;
      case 4:
        if (Array.isArray(holder)) holder.push(structuredClone(own));
        else holder[`${key}${random.pick(['s', ' ', '_', '\u0000'])}`] = own;
        break;
      case 5:
        holder[key] = typeof own === 'string' ? this.#broken(own, other) : JSON.stringify(own);
        break;
      case 6:
        holder[key] = typeof own === 'number' ? own + random.between(-2, 1_000) : [own];
        break;
      case 7:
        holder[key] = this.#from(other) ?? own;
        break;
      default:
        if (!Array.isArray(holder)) {
          delete holder[key];
          holder[random.pick(['toString', 'length', 'x'.repeat(300), 'MSG', 'type', 'hash'])] = own;
        }
    }
    return value;
  }

  #from(other: string): Json | undefined {
    try {
      const value = JSON.parse(other) as Json;
      return this.#random.pick(places(value, 200)).reduce<Json>((at, key) => (at as never)[key], value);
    } catch {
      return undefined;
    }
  }
}
