/** What is known of a market, one bit each. */
export const Mark = {
  /** By the last word on it, a book is there. */
  open: 1,
  /** Listeners were told to capture it. */
  captured: 2,
  /** Left out by the filter. */
  excluded: 4,
  /** Known by a message only; no listing or fetch has confirmed it. */
  provisional: 8,
  /** Neither listed nor found when last looked for. */
  missed: 16,
  /** The venue has said that trading is over for good. */
  final: 32,
  /** Listeners were told that it is over. */
  over: 64,
} as const;

const NEVER = 0;

/**
 * Everything the registry keeps of its markets, in columns: some 200 bytes for each, so that a million fit. Times
 * are microseconds, 0 where there is none. A slot is a row number; it is reused after `remove`.
 */
export class MarketTable {
  readonly #slots = new Map<string, number>();
  /** Only where a market's instruments are not just the market itself. */
  readonly #slotsByInstrument = new Map<string, number>();
  readonly #free: number[] = [];
  #ids: (string | undefined)[] = [];
  #instruments: (readonly string[] | null)[] = [];
  #capacity = 1024;

  marks = new Uint8Array(this.#capacity);
  open_ts = new Float64Array(this.#capacity);
  close_ts = new Float64Array(this.#capacity);
  /** When a message or the clock last said something. */
  asserted_at = new Float64Array(this.#capacity);
  /** Until then REST answers that contradict it are taken for old ones. */
  trusted_until = new Float64Array(this.#capacity);
  /** When REST last said something. */
  confirmed_at = new Float64Array(this.#capacity);
  /** A market that ended is captured until then. */
  grace_until = new Float64Array(this.#capacity);
  /** When time alone will change something. */
  due_at = new Float64Array(this.#capacity);
  /** Key of the content that listeners were last told. */
  content = new Float64Array(this.#capacity);

  get size(): number {
    return this.#slots.size;
  }

  /** −1 where the market is not known. */
  slotOf(market: string): number {
    return this.#slots.get(market) ?? -1;
  }

  slotOfInstrument(instrument: string): number {
    return this.#slotsByInstrument.get(instrument) ?? this.slotOf(instrument);
  }

  add(market: string): number {
    const slot = this.#free.pop() ?? this.#ids.length;
    if (slot >= this.#capacity) this.#grow();
    this.#slots.set(market, slot);
    this.#ids[slot] = market;
    this.#instruments[slot] = null;
    this.marks[slot] = 0;
    this.open_ts[slot] = NEVER;
    this.close_ts[slot] = NEVER;
    this.asserted_at[slot] = NEVER;
    this.trusted_until[slot] = NEVER;
    this.confirmed_at[slot] = NEVER;
    this.grace_until[slot] = NEVER;
    this.due_at[slot] = NEVER;
    this.content[slot] = NEVER;
    return slot;
  }

  remove(slot: number): void {
    this.#slots.delete(this.id(slot));
    for (const instrument of this.#instruments[slot] ?? []) this.#slotsByInstrument.delete(instrument);
    this.#ids[slot] = undefined;
    this.#instruments[slot] = null;
    this.marks[slot] = 0;
    this.due_at[slot] = NEVER;
    this.#free.push(slot);
  }

  id(slot: number): string {
    return this.#ids[slot]!;
  }

  instruments(slot: number): readonly string[] {
    return this.#instruments[slot] ?? [this.id(slot)];
  }

  setInstruments(slot: number, instruments: readonly string[]): void {
    for (const instrument of this.#instruments[slot] ?? []) this.#slotsByInstrument.delete(instrument);
    const itself = instruments.length === 1 && instruments[0] === this.id(slot);
    this.#instruments[slot] = itself ? null : instruments;
    if (!itself) for (const instrument of instruments) this.#slotsByInstrument.set(instrument, slot);
  }

  has(slot: number, mark: number): boolean {
    return (this.marks[slot]! & mark) !== 0;
  }

  mark(slot: number, mark: number, on: boolean): void {
    this.marks[slot] = on ? this.marks[slot]! | mark : this.marks[slot]! & ~mark;
  }

  slots(): IterableIterator<number> {
    return this.#slots.values();
  }

  #grow(): void {
    this.#capacity *= 2;
    const wider = (column: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(this.#capacity);
      grown.set(column);
      return grown;
    };
    const marks = new Uint8Array(this.#capacity);
    marks.set(this.marks);
    this.marks = marks;
    this.open_ts = wider(this.open_ts);
    this.close_ts = wider(this.close_ts);
    this.asserted_at = wider(this.asserted_at);
    this.trusted_until = wider(this.trusted_until);
    this.confirmed_at = wider(this.confirmed_at);
    this.grace_until = wider(this.grace_until);
    this.due_at = wider(this.due_at);
    this.content = wider(this.content);
  }
}
