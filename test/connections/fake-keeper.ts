import type { ConnectionEpoch, FrameOutcome, LineKeeper, ResyncRequest } from '#src/capture/line.ts';
import type { BookSnapshotEvent, GapCause, LifecycleEvent } from '#src/events/event.ts';
import type { Micros } from '#src/units/time.ts';
import type { ControlMessage, DecodeProblem } from '#src/venues/decoder.ts';
import { frameText } from '#src/venues/frame-bytes.ts';

interface Lost {
  readonly instruments: readonly string[];
  readonly since: number;
  readonly cause: GapCause;
}

/** A keeper that knows just enough of both protocols to say what frames carried, and remembers what it was told. */
export class FakeKeeper implements LineKeeper {
  readonly expected = new Set<string>();
  readonly bound = new Map<string, string>();
  readonly pending = new Map<string, string>();
  readonly proven = new Set<string>();
  readonly lost: Lost[] = [];
  readonly closed: { name: string; at: number; cause: GapCause }[] = [];
  readonly interruptions: { name: string; since: number; at: number }[] = [];
  /** Connections with something in doubt. */
  readonly doubted = new Set<string>();
  readonly feeds: string[] = [];
  readonly ignored: string[] = [];
  /** What was said to be over, and since when. */
  readonly ended: [instrument: string, since: number][] = [];
  /** Connections of frames over which the keeper broke. */
  readonly failed: string[] = [];
  /** Resync requests to hand out with the next frame. */
  nextResync: ResyncRequest[] = [];
  readonly #announced = new Set<string>();
  failNext = false;

  expect(instruments: readonly string[]): void {
    for (const instrument of instruments) this.expected.add(instrument);
  }

  release(instruments: readonly string[]): void {
    for (const instrument of instruments) {
      this.expected.delete(instrument);
      this.bound.delete(instrument);
      this.pending.delete(instrument);
      this.proven.delete(instrument);
    }
  }

  over(instruments: readonly string[], since: Micros): void {
    for (const instrument of instruments) this.ended.push([instrument, since]);
  }

  bind(connection: ConnectionEpoch, sid: number, instruments: readonly string[]): void {
    for (const instrument of instruments) {
      const source = `${connection.name}/${sid}`;
      this.pending.delete(instrument);
      // A proven book stays with its old subscription until the new one's first snapshot.
      if (this.proven.has(instrument) && this.bound.get(instrument) !== source) {
        this.pending.set(instrument, source);
        continue;
      }
      this.bound.set(instrument, source);
      this.proven.delete(instrument);
    }
  }

  frameFailed(connection: ConnectionEpoch): FrameOutcome {
    this.failed.push(connection.name);
    return { controls: [], problems: [], touched: [], proven: [], lifecycle: [], resync: [] };
  }

  frame(connection: ConnectionEpoch, given: string | Uint8Array): FrameOutcome {
    const data = frameText(given);
    if (this.failNext) {
      this.failNext = false;
      throw new Error('the keeper broke');
    }
    const controls: ControlMessage[] = [];
    const problems: DecodeProblem[] = [];
    const touched: string[] = [];
    const proven: string[] = [];
    const lifecycle: LifecycleEvent[] = [];
    const seen: Pick<FrameOutcome, 'hasData' | 'announced'>[] = [];
    if (data === 'PONG') controls.push({ type: 'pong' });
    else {
      try {
        const parsed: unknown = JSON.parse(data);
        for (const message of Array.isArray(parsed) ? parsed : [parsed]) {
          this.#message(connection, message, { controls, touched, proven });
          if (message.event_type === 'new_market') seen.push(this.#announcement(message.market));
        }
      } catch {
        problems.push({ reason: 'not_json', message: data.slice(0, 20) });
      }
    }
    const resync = this.nextResync;
    this.nextResync = [];
    for (const { instruments } of resync)
      for (const instrument of instruments) this.proven.delete(instrument);
    return { controls, problems, touched, proven, lifecycle, resync, ...seen.at(-1) };
  }

  #announcement(market: string): Pick<FrameOutcome, 'hasData' | 'announced'> {
    const announced = this.#announced.has(market) ? 'copy' : 'first';
    this.#announced.add(market);
    return { hasData: true, announced };
  }

  #message(
    connection: ConnectionEpoch,
    // biome-ignore lint/suspicious/noExplicitAny: the frames of a test
    message: any,
    out: { controls: ControlMessage[]; touched: string[]; proven: string[] },
  ): void {
    const id = message.id ?? null;
    const sid = message.sid ?? null;
    switch (message.type ?? message.event_type) {
      case 'subscribed':
        out.controls.push({ type: 'subscribed', id, channel: message.msg.channel, sid: message.msg.sid });
        return;
      case 'unsubscribed':
        out.controls.push({ type: 'unsubscribed', id, sid });
        return;
      case 'ok':
        out.controls.push({
          type: 'ok',
          id,
          sid,
          tickers: message.msg?.market_tickers ?? null,
          subscriptions: Array.isArray(message.msg) ? message.msg : null,
        });
        return;
      case 'error':
        out.controls.push({
          type: 'error',
          id,
          sid,
          code: message.msg.code,
          message: message.msg.msg,
          tickers: [],
        });
        return;
      case 'orderbook_snapshot':
        this.#book(connection, sid, message.msg.market_ticker, true, out);
        return;
      case 'orderbook_delta':
        this.#book(connection, sid, message.msg.market_ticker, false, out);
        return;
      case 'book':
        this.#book(connection, 0, message.asset_id, true, out);
        return;
      case 'price_change':
        for (const change of message.price_changes) this.#book(connection, 0, change.asset_id, false, out);
        return;
      default:
        if (message.msg?.market_ticker !== undefined) out.touched.push(message.msg.market_ticker);
    }
  }

  #book(
    connection: ConnectionEpoch,
    sid: number,
    instrument: string,
    isWhole: boolean,
    out: { touched: string[]; proven: string[] },
  ): void {
    out.touched.push(instrument);
    if (isWhole && this.pending.get(instrument) === `${connection.name}/${sid}`) {
      this.bound.set(instrument, `${connection.name}/${sid}`);
      this.pending.delete(instrument);
      this.proven.delete(instrument);
    }
    if (this.bound.get(instrument) !== `${connection.name}/${sid}`) {
      this.ignored.push(`${connection.name}/${sid} ${instrument}`);
      return;
    }
    if (!isWhole || this.proven.has(instrument)) return;
    this.proven.add(instrument);
    out.proven.push(instrument);
  }

  restSnapshot(snapshot: BookSnapshotEvent): FrameOutcome {
    this.proven.add(snapshot.instrument);
    return {
      controls: [],
      problems: [],
      touched: [],
      lifecycle: [],
      resync: [],
      proven: [snapshot.instrument],
    };
  }

  lose(instruments: readonly string[], since: Micros, cause: GapCause): void {
    this.lost.push({ instruments, since, cause });
    for (const instrument of instruments) this.proven.delete(instrument);
  }

  doubt({ name }: ConnectionEpoch): void {
    this.doubted.add(name);
  }

  believe({ name }: ConnectionEpoch): void {
    this.doubted.delete(name);
  }

  interrupted({ name }: ConnectionEpoch, since: Micros, at: Micros): void {
    this.interruptions.push({ name, since, at });
    for (const [instrument, where] of this.bound)
      if (where.startsWith(`${name}/`)) this.proven.delete(instrument);
  }

  connectionClosed(connection: ConnectionEpoch, at: Micros, cause: GapCause): readonly string[] {
    this.closed.push({ name: connection.name, at, cause });
    const mine: string[] = [];
    for (const [instrument, where] of this.bound) {
      if (where.startsWith(`${connection.name}/`)) mine.push(instrument);
    }
    for (const [instrument, where] of this.pending) {
      if (where.startsWith(`${connection.name}/`)) this.pending.delete(instrument);
    }
    for (const instrument of mine) {
      const next = this.pending.get(instrument);
      this.pending.delete(instrument);
      if (next === undefined) this.bound.delete(instrument);
      else this.bound.set(instrument, next);
      this.proven.delete(instrument);
    }
    if (mine.length > 0) this.lost.push({ instruments: mine, since: at, cause });
    return mine;
  }

  feedExpected(feed: string): void {
    this.feeds.push(`${feed} expected`);
  }

  feedCarried(feed: string, { name }: ConnectionEpoch): void {
    this.feeds.push(`${feed} carried by ${name}`);
  }

  feedDropped({ name }: ConnectionEpoch, _at: Micros, cause: GapCause): void {
    this.feeds.push(`${name} dropped ${cause}`);
  }

  isProven(instrument: string): boolean {
    return this.proven.has(instrument);
  }

  tick(): void {}

  counts(): { expected: number; bound: number; proven: number } {
    return { expected: this.expected.size, bound: this.bound.size, proven: this.proven.size };
  }
}
