/** One client connection as a venue model sees it. */
export interface ClientLine {
  send(text: string): void;
  close(code: number, reason: string): void;
}

interface Command {
  readonly id: number;
  readonly cmd: string;
  readonly params: {
    readonly channels?: string[];
    readonly market_tickers?: string[];
    readonly sids?: number[];
    readonly action?: string;
    readonly use_yes_price?: boolean;
    readonly skip_ticker_ack?: boolean;
  };
}

interface Subscription {
  readonly sid: number;
  readonly channel: string;
  readonly tickers: Set<string>;
  seq: number;
}

/** One connection to a strict model of the Kalshi socket: what a client may not do is noted in `offences`. */
export class KalshiModel {
  readonly commands: Command[] = [];
  readonly offences: string[] = [];
  readonly subscriptions = new Map<number, Subscription>();
  /** Most tickers of one subscription, and of one command. */
  maxPerSubscription = Number.POSITIVE_INFINITY;
  maxPerCommand = Number.POSITIVE_INFINITY;
  /** Tickers that make any command naming them fail with code 11. */
  readonly unknown = new Set<string>();
  /** Tickers that are accepted, but of which nothing is ever sent. */
  readonly mute = new Set<string>();
  /** Answers these commands or actions with this code instead of doing them. */
  readonly refuse = new Map<string, number>();
  /** Time for what it sends, microseconds. */
  clock: () => number = () => 1_700_000_000_000_000;
  /** Consumes a sequence number and sends nothing. */
  skip(sid: number): void {
    this.subscriptions.get(sid)!.seq++;
  }
  /** Does not answer at all. */
  isDeaf = false;
  readonly #waiting: string[] = [];
  #nextSid = 1;
  #nextTrade = 1;
  readonly #line: ClientLine;

  constructor(line: ClientLine) {
    this.#line = line;
  }

  /** One command after the other, as over a wire: what comes while one is done waits for its end. */
  receive(text: string): void {
    this.#waiting.push(text);
    if (this.#waiting.length > 1) return;
    while (this.#waiting.length > 0) {
      this.#command(this.#waiting[0]!);
      this.#waiting.shift();
    }
  }

  #command(text: string): void {
    const command: Command = JSON.parse(text);
    this.commands.push(command);
    if (this.isDeaf) return;
    const { id, cmd, params = {} } = command;
    const code = this.refuse.get(params.action ?? cmd);
    if (code !== undefined) {
      this.#error(id, code);
      return;
    }
    if (cmd === 'subscribe') this.#subscribe(id, params);
    else if (cmd === 'update_subscription') this.#update(id, params);
    else if (cmd === 'unsubscribe') {
      for (const sid of params.sids ?? []) {
        const subscription = this.subscriptions.get(sid);
        if (subscription === undefined) {
          this.#error(id, 7);
          return;
        }
        this.subscriptions.delete(sid);
        this.#say({ id, type: 'unsubscribed', sid, seq: ++subscription.seq });
      }
    } else if (cmd === 'list_subscriptions') {
      this.#say({
        id,
        type: 'ok',
        msg: [...this.subscriptions.values()].map(({ channel, sid }) => ({ channel, sid })),
      });
    } else this.#error(id, 5);
  }

  #subscribe(id: number, params: Command['params']): void {
    const tickers = params.market_tickers ?? [];
    const channel = params.channels?.[0] ?? '';
    if (channel === 'orderbook_delta') {
      if (typeof params.use_yes_price !== 'boolean') this.offences.push('use_yes_price is not said');
      if (params.skip_ticker_ack !== true) this.offences.push('skip_ticker_ack is not said');
      if (tickers.length === 0) this.offences.push('no tickers');
    }
    if (!this.#mayHold(id, 0, tickers)) return;
    const subscription: Subscription = { sid: this.#nextSid++, channel, tickers: new Set(), seq: 0 };
    this.subscriptions.set(subscription.sid, subscription);
    this.#say({ id, type: 'subscribed', msg: { channel, sid: subscription.sid } });
    this.#add(subscription, tickers);
  }

  #update(id: number, params: Command['params']): void {
    const tickers = params.market_tickers ?? [];
    const subscription = this.subscriptions.get(params.sids?.[0] ?? -1);
    if (subscription === undefined) {
      this.#error(id, 7);
      return;
    }
    if (params.action === 'add_markets') {
      if (!this.#mayHold(id, subscription.tickers.size, tickers)) return;
      this.#say({ id, type: 'ok', sid: subscription.sid, seq: ++subscription.seq, msg: {} });
      this.#add(subscription, tickers);
    } else if (params.action === 'delete_markets') {
      for (const ticker of tickers) {
        if (!subscription.tickers.delete(ticker)) this.offences.push(`${ticker} deleted, but not there`);
      }
      this.#say({ id, type: 'ok', sid: subscription.sid, seq: ++subscription.seq, msg: {} });
    } else if (params.action === 'get_snapshot') {
      this.#say({ id, type: 'ok', sid: subscription.sid, seq: ++subscription.seq, msg: {} });
      for (const ticker of tickers) this.#snapshot(subscription, ticker);
    } else this.#error(id, 13);
  }

  #mayHold(id: number, held: number, tickers: readonly string[]): boolean {
    if (tickers.length > this.maxPerCommand || held + tickers.length > this.maxPerSubscription) {
      this.#error(id, 26);
      return false;
    }
    if (tickers.some((ticker) => this.unknown.has(ticker))) {
      this.#error(id, 11);
      return false;
    }
    return true;
  }

  #add(subscription: Subscription, tickers: readonly string[]): void {
    for (const ticker of tickers) {
      for (const { sid, tickers: held } of this.subscriptions.values()) {
        if (held.has(ticker)) this.offences.push(`${ticker} is on subscription ${sid} already`);
      }
      subscription.tickers.add(ticker);
      this.#snapshot(subscription, ticker);
    }
  }

  #snapshot({ sid, channel }: Subscription, ticker: string): void {
    if (channel !== 'orderbook_delta' || this.mute.has(ticker)) return;
    const subscription = this.subscriptions.get(sid)!;
    this.#say({ type: 'orderbook_snapshot', sid, seq: ++subscription.seq, msg: { market_ticker: ticker } });
  }

  book(ticker: string): void {
    for (const subscription of this.subscriptions.values()) {
      if (subscription.tickers.has(ticker)) this.#snapshot(subscription, ticker);
    }
  }

  delta(ticker: string): void {
    for (const subscription of this.subscriptions.values()) {
      if (!subscription.tickers.has(ticker)) continue;
      const { sid } = subscription;
      const msg = {
        market_ticker: ticker,
        market_id: '',
        price_dollars: '0.4100',
        delta_fp: '1.00',
        side: 'yes',
        ts: new Date(this.clock() / 1_000).toISOString(),
        ts_ms: Math.floor(this.clock() / 1_000),
      };
      this.#say({ type: 'orderbook_delta', sid, seq: ++subscription.seq, msg });
    }
  }

  trade(ticker: string): void {
    for (const subscription of this.subscriptions.values()) {
      if (subscription.channel !== 'trade') continue;
      const { sid } = subscription;
      const msg = {
        trade_id: `${ticker} ${this.#nextTrade++}`,
        market_ticker: ticker,
        yes_price_dollars: '0.4100',
        count_fp: '1.00',
        taker_outcome_side: 'yes',
        ts_ms: Math.floor(this.clock() / 1_000),
      };
      this.#say({ type: 'trade', sid, seq: ++subscription.seq, msg });
    }
  }

  /** A tick: without a number. */
  ticker(ticker: string): void {
    for (const { sid, channel } of this.subscriptions.values()) {
      if (channel !== 'ticker') continue;
      const msg = {
        market_ticker: ticker,
        yes_bid_dollars: '0.4100',
        yes_ask_dollars: '0.4300',
        volume_fp: `${this.#nextTrade++}.00`,
        ts_ms: Math.floor(this.clock() / 1_000),
      };
      this.#say({ type: 'ticker', sid, msg });
    }
  }

  /** Ends one subscription with a terminal error. */
  kill(sid: number, code: number): void {
    this.subscriptions.delete(sid);
    this.#say({ type: 'error', sid, msg: { code, msg: 'gone' } });
  }

  #error(id: number, code: number): void {
    this.#say({ id, type: 'error', msg: { code, msg: `code ${code}` } });
  }

  #say(message: unknown): void {
    this.#line.send(JSON.stringify(message));
  }
}

/** One connection to a strict model of the Polymarket market channel. */
export class PolymarketModel {
  readonly received: string[] = [];
  readonly tokens = new Set<string>();
  readonly mute = new Set<string>();
  answersPings = true;
  obeysUnsubscribe = true;
  readonly #line: ClientLine;

  constructor(line: ClientLine) {
    this.#line = line;
  }

  receive(text: string): void {
    this.received.push(text);
    if (text === 'PING') {
      if (this.tokens.size === 0) this.#line.close(1008, 'invalid subscription payload');
      else if (this.answersPings) this.#line.send('PONG');
      return;
    }
    const message: { assets_ids: string[]; type?: string; operation?: string } = JSON.parse(text);
    if (this.tokens.size === 0 && message.type === undefined) {
      this.#line.close(1008, 'invalid subscription payload');
      return;
    }
    if (message.operation === 'unsubscribe') {
      if (this.obeysUnsubscribe) for (const token of message.assets_ids) this.tokens.delete(token);
      return;
    }
    for (const token of message.assets_ids) this.tokens.add(token);
    const books = message.assets_ids.filter((token) => !this.mute.has(token));
    if (books.length > 0) {
      this.#line.send(JSON.stringify(books.map((asset_id) => ({ event_type: 'book', asset_id }))));
    }
  }

  /** Every connection that has subscribed anything gets these. */
  announce(market: string): void {
    if (this.tokens.size > 0) this.#line.send(JSON.stringify({ event_type: 'new_market', market }));
  }

  change(token: string): void {
    if (!this.tokens.has(token) || this.mute.has(token)) return;
    this.#line.send(JSON.stringify({ event_type: 'price_change', price_changes: [{ asset_id: token }] }));
  }
}
