import { type InstrumentState, Source } from './instrument-state.ts';

/** Which subscription carries which instrument, and which is to take over from it. */
export class Carriers {
  /** By connection name, then sid. */
  private readonly connections = new Map<string, Map<number, Source>>();
  private boundCount = 0;

  /** Instruments that some subscription carries. */
  get bound(): number {
    return this.boundCount;
  }

  /** The subscription of that name; made when it is heard of for the first time. */
  source(connection: string, sid: number, at: number): Source {
    let sources = this.connections.get(connection);
    if (sources === undefined) {
      sources = new Map();
      this.connections.set(connection, sources);
    }
    let source = sources.get(sid);
    if (source === undefined) {
      source = new Source(connection, sid, at);
      sources.set(sid, source);
    }
    return source;
  }

  /** The subscriptions of a connection. */
  of(connection: string): readonly Source[] {
    return [...(this.connections.get(connection)?.values() ?? [])];
  }

  /** The subscriptions of all connections. */
  *all(): Generator<Source> {
    for (const sources of this.connections.values()) yield* sources.values();
  }

  /** Forgets other subscriptions of the connection to the same feed. */
  supersede(connection: string, by: Source): void {
    const sources = this.connections.get(connection);
    for (const other of this.of(connection))
      if (other !== by && other.feed === by.feed) sources?.delete(other.sid);
  }

  /** Forgets a connection. @returns the subscriptions it had. */
  close(connection: string): readonly Source[] {
    const sources = this.of(connection);
    this.connections.delete(connection);
    return sources;
  }

  setSource(state: InstrumentState, source: Source | null): void {
    const before = state.source;
    if (before === source) return;
    if (before !== null) {
      this.boundCount--;
      if (state.pending !== before) forget(before, state);
      if (state.occurrences !== null) before.asides.keep(state.instrument, state.occurrences);
    }
    state.source = source;
    // What the next one sends it may send again: numbered by itself, copies are the events they repeat.
    state.occurrences = source?.asides.take(state.instrument) ?? null;
    if (source === null) return;
    this.boundCount++;
    source.members.add(state);
  }

  setPending(state: InstrumentState, source: Source | null): void {
    const before = state.pending;
    if (before === source) return;
    if (before !== null && before !== state.source) forget(before, state);
    state.pending = source;
    source?.members.add(state);
  }
}

function forget(source: Source, state: InstrumentState): void {
  source.members.delete(state);
  source.missed.delete(state.instrument);
}
