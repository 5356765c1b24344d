/** Channels of the market data socket, with whether their messages are numbered. */
export const CHANNELS: Readonly<
  Record<string, { readonly numbered: boolean; readonly filter: 'required' | 'optional' | 'none' }>
> = {
  orderbook_delta: { numbered: true, filter: 'required' },
  ticker: { numbered: false, filter: 'optional' },
  trade: { numbered: true, filter: 'optional' },
  market_lifecycle_v2: { numbered: true, filter: 'none' },
  multivariate_market_lifecycle: { numbered: true, filter: 'none' },
  fill: { numbered: false, filter: 'optional' },
  market_positions: { numbered: false, filter: 'optional' },
  user_orders: { numbered: false, filter: 'optional' },
  order_group_updates: { numbered: true, filter: 'none' },
  communications: { numbered: true, filter: 'none' },
};

/** What a subscription needs of its connection. */
export interface Outlet {
  /** Sends market data. @returns whether the client is going to get it. */
  send(frame: string, order: number): boolean;
}

/** One subscription (sid) of one connection. */
export class Subscription {
  readonly sid: number;
  readonly channel: string;
  readonly useYesPrice: boolean;
  readonly skipAck: boolean;
  readonly outlet: Outlet;
  /** Null: all markets. */
  readonly tickers: Set<string> | null;
  readonly #numbered: boolean;
  #seq = 0;
  #mark = 0;
  #second = 0;
  #commands = 0;

  constructor(
    sid: number,
    channel: string,
    outlet: Outlet,
    tickers: Set<string> | null,
    options: { readonly useYesPrice: boolean; readonly skipAck: boolean },
  ) {
    this.sid = sid;
    this.channel = channel;
    this.outlet = outlet;
    this.tickers = tickers;
    this.useYesPrice = options.useYesPrice;
    this.skipAck = options.skipAck;
    this.#numbered = CHANNELS[channel]!.numbered;
  }

  /** `"sid":…` and, where the channel has numbers, `"seq":…`: taking it uses one up. */
  numbered(): string {
    return this.#numbered ? `"sid":${this.sid},"seq":${++this.#seq}` : `"sid":${this.sid}`;
  }

  /** Sends one message of this subscription. The number is used up even if the message gets lost. */
  publish(type: string, msg: string, id?: number): boolean {
    const head = id === undefined ? '' : `"id":${id},`;
    return this.outlet.send(`{${head}"type":"${type}",${this.numbered()},"msg":${msg}}`, this.#mark++);
  }

  /** Counts a command; false when there are too many in this second. */
  command(second: number, most: number): boolean {
    if (second !== this.#second) {
      this.#second = second;
      this.#commands = 0;
    }
    return ++this.#commands <= most;
  }
}

const NOBODY: readonly Subscription[] = [];

/** The subscriptions of one channel over all connections, by market. Most of a million markets have one. */
export class ChannelIndex {
  readonly #all = new Set<Subscription>();
  readonly #byTicker = new Map<string, Subscription | Set<Subscription>>();

  add(subscription: Subscription, tickers: Iterable<string> | null): void {
    if (tickers === null) {
      this.#all.add(subscription);
      return;
    }
    for (const ticker of tickers) {
      const subscribers = this.#byTicker.get(ticker);
      if (subscribers === undefined) this.#byTicker.set(ticker, subscription);
      else if (subscribers instanceof Set) subscribers.add(subscription);
      else if (subscribers !== subscription) this.#byTicker.set(ticker, new Set([subscribers, subscription]));
    }
  }

  remove(subscription: Subscription, tickers: Iterable<string> | null): void {
    if (tickers === null) {
      this.#all.delete(subscription);
      return;
    }
    for (const ticker of tickers) {
      const subscribers = this.#byTicker.get(ticker);
      if (subscribers instanceof Set) {
        subscribers.delete(subscription);
        if (subscribers.size === 0) this.#byTicker.delete(ticker);
      } else if (subscribers === subscription) this.#byTicker.delete(ticker);
    }
  }

  /** Those who subscribed to this market by name. */
  of(ticker: string): Iterable<Subscription> {
    const subscribers = this.#byTicker.get(ticker);
    return subscribers === undefined ? NOBODY : subscribers instanceof Set ? subscribers : [subscribers];
  }

  /** How many they are. */
  count(ticker: string): number {
    const subscribers = this.#byTicker.get(ticker);
    return subscribers === undefined ? 0 : subscribers instanceof Set ? subscribers.size : 1;
  }

  get all(): ReadonlySet<Subscription> {
    return this.#all;
  }
}
