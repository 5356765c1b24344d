import { MICROS_PER_SECOND } from '#src/units/time.ts';
import type { VenueSocket } from '../faults/venue-socket.ts';
import { type Command, ERRORS, namedTickers, Refusal, readCommand, singleSid } from './commands.ts';
import type { ConnectionHost } from './socket-rules.ts';
import { CHANNELS, type Outlet, Subscription } from './subscriptions.ts';

const MISSED_PONGS = 3;

/** One client of the socket: its subscriptions, commands and heartbeats (protocol: WebSocket). */
export class KalshiConnection implements Outlet {
  readonly #host: ConnectionHost;
  readonly socket: VenueSocket;
  readonly #subscriptions = new Map<number, Subscription>();
  #nextSid = 1;
  #lastPing: number;
  #unanswered = 0;
  #bookMarkets = 0;

  constructor(host: ConnectionHost, socket: VenueSocket) {
    this.#host = host;
    this.socket = socket;
    this.#lastPing = host.clock();
  }

  get subscriptions(): readonly Subscription[] {
    return [...this.#subscriptions.values()];
  }

  send(frame: string, order: number): boolean {
    return this.socket.data(frame, { order, repeatable: true });
  }

  pong(): void {
    this.#unanswered = 0;
  }

  tick(): void {
    const now = this.#host.clock();
    if (now - this.#lastPing >= this.#host.limits.pingEvery) {
      this.#lastPing = now;
      if (this.#unanswered >= MISSED_PONGS) {
        this.socket.terminate();
        return;
      }
      this.#unanswered++;
      this.socket.ping('heartbeat');
    }
    if (this.socket.suffers('channel_error')) {
      const subscription = this.#subscriptions.values().next().value;
      if (subscription !== undefined) this.fail(subscription.sid, 10);
    }
  }

  /** The socket is gone. */
  end(): void {
    for (const subscription of this.#subscriptions.values()) this.#forget(subscription);
  }

  /** Ends a subscription with a terminal error (10 or 25); the connection's others live on. */
  fail(sid: number, code: 10 | 25): void {
    const subscription = this.#subscriptions.get(sid);
    if (subscription === undefined) return;
    const numbered = subscription.numbered();
    this.#forget(subscription);
    this.socket.reply(`{"type":"error",${numbered},"msg":{"code":${code},"msg":"${ERRORS[code]}"}}`);
  }

  message(text: string): void {
    const command = readCommand(text);
    if (command === null) {
      this.#refuse(0, new Refusal(1));
      return;
    }
    try {
      this.#execute(command);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#refuse(command.id, error);
    }
  }

  #execute(command: Command): void {
    switch (command.cmd) {
      case 'subscribe':
        this.#subscribe(command.id, required(command));
        break;
      case 'unsubscribe':
        this.#unsubscribe(command.id, required(command));
        break;
      case 'update_subscription':
        this.#update(command.id, required(command));
        break;
      case 'list_subscriptions':
        this.#list(command.id);
        break;
      default:
        throw new Refusal(5);
    }
  }

  #refuse(id: number, refusal: Refusal): void {
    const head = id === 0 ? '' : `"id":${id},`;
    const sid = refusal.sid === null ? '' : `"sid":${refusal.sid},`;
    this.socket.reply(
      `{${head}"type":"error",${sid}"msg":{"code":${refusal.code},"msg":"${refusal.message}"}}`,
    );
  }

  #subscribe(id: number, params: Readonly<Record<string, unknown>>): void {
    const { channels } = params;
    if (!Array.isArray(channels) || channels.length === 0) throw new Refusal(3);
    const names = [...new Set(channels)];
    const tickers = namedTickers(params);
    for (const name of names) {
      const channel = typeof name === 'string' ? CHANNELS[name] : undefined;
      if (channel === undefined) throw new Refusal(8);
      if (channel.filter === 'required' && tickers === null) throw new Refusal(14);
      if (name === 'orderbook_delta') this.#requireRoom(tickers!, 0);
    }
    for (const name of names as string[]) this.#subscribeChannel(id, name, tickers, params);
  }

  #requireRoom(tickers: readonly string[], held: number, sid: number | null = null): void {
    const { limits } = this.#host;
    if (held + tickers.length > limits.marketsPerSubscription) throw new Refusal(26, sid);
    if (this.#bookMarkets + tickers.length > limits.marketsPerConnection) throw new Refusal(26, sid);
  }

  #subscribeChannel(
    id: number,
    name: string,
    named: string[] | null,
    params: Readonly<Record<string, unknown>>,
  ): void {
    const channel = CHANNELS[name]!;
    const tickers = channel.filter === 'none' ? null : named;
    const existing = this.subscriptions.filter((subscription) => subscription.channel === name);
    let fresh = tickers;
    if (existing.length > 0 && this.#host.limits.subscribedAgain === 'acknowledge') {
      fresh =
        tickers?.filter((ticker) => !existing.some((held) => held.tickers?.has(ticker) ?? true)) ?? null;
      if (fresh === null || fresh.length === 0) {
        this.#acknowledge(id, existing[0]!, tickers ?? []);
        return;
      }
    }
    const subscription = new Subscription(this.#nextSid++, name, this, fresh === null ? null : new Set(), {
      useYesPrice: params['use_yes_price'] === true,
      skipAck: params['skip_ticker_ack'] === true,
    });
    this.#subscriptions.set(subscription.sid, subscription);
    if (fresh === null) this.#host.index(name).add(subscription, null);
    this.socket.reply(
      `{"id":${id},"type":"subscribed","msg":{"channel":"${name}","sid":${subscription.sid}}}`,
    );
    if (fresh !== null) this.#addTickers(subscription, fresh);
    if (name === 'ticker' && params['send_initial_snapshot'] === true)
      this.#firstTicks(subscription, named ?? []);
  }

  #addTickers(subscription: Subscription, tickers: readonly string[]): void {
    for (const ticker of tickers) subscription.tickers!.add(ticker);
    this.#host.index(subscription.channel).add(subscription, tickers);
    if (subscription.channel !== 'orderbook_delta') return;
    this.#bookMarkets += tickers.length;
    this.#sendBooks(subscription, tickers);
    this.#host.feed.subscribed?.(tickers);
  }

  #sendBooks(subscription: Subscription, tickers: readonly string[], id?: number): void {
    for (const ticker of tickers) {
      const book = this.#host.feed.snapshot(ticker, subscription.useYesPrice);
      if (book !== null) subscription.publish('orderbook_snapshot', book, id);
    }
  }

  #firstTicks(subscription: Subscription, tickers: readonly string[]): void {
    for (const ticker of tickers) {
      const tick = this.#host.feed.ticker(ticker);
      if (tick !== null) subscription.publish('ticker', tick);
    }
  }

  #unsubscribe(id: number, params: Readonly<Record<string, unknown>>): void {
    const { sids } = params;
    if (!Array.isArray(sids) || sids.length === 0) throw new Refusal(4);
    const subscriptions = sids.map((sid) => this.#known(sid));
    for (const subscription of new Set(subscriptions)) {
      const numbered = subscription.numbered();
      this.#forget(subscription);
      this.socket.reply(`{"id":${id},"type":"unsubscribed",${numbered}}`);
    }
  }

  #known(sid: unknown): Subscription {
    const subscription = typeof sid === 'number' ? this.#subscriptions.get(sid) : undefined;
    if (subscription === undefined) throw new Refusal(7);
    return subscription;
  }

  #update(id: number, params: Readonly<Record<string, unknown>>): void {
    const subscription = this.#known(singleSid(params));
    const { sid, channel } = subscription;
    const { action } = params;
    if (typeof action !== 'string' || action === '') throw new Refusal(15, sid);
    if (action !== 'add_markets' && action !== 'delete_markets' && action !== 'get_snapshot')
      throw new Refusal(13, sid);
    const tickers = namedTickers(params);
    if (tickers === null) throw new Refusal(14, sid);
    const second = Math.floor(this.#host.clock() / MICROS_PER_SECOND);
    if (!subscription.command(second, this.#host.limits.commandsPerSubscription)) throw new Refusal(27, sid);
    if (action === 'get_snapshot') {
      if (channel !== 'orderbook_delta') throw new Refusal(13, sid);
      this.#acknowledge(id, subscription, tickers);
      this.#sendBooks(subscription, tickers, id);
      return;
    }
    const held = subscription.tickers;
    if (held === null) throw new Refusal(11, sid);
    if (action === 'delete_markets') {
      const gone = tickers.filter((ticker) => held.delete(ticker));
      this.#host.index(channel).remove(subscription, gone);
      if (channel === 'orderbook_delta') this.#bookMarkets -= gone.length;
      this.#acknowledge(id, subscription, tickers);
      return;
    }
    const fresh = tickers.filter((ticker) => !held.has(ticker));
    if (channel === 'orderbook_delta') this.#requireRoom(fresh, held.size, sid);
    this.#acknowledge(id, subscription, tickers);
    this.#addTickers(subscription, fresh);
    if (channel === 'ticker' && params['send_initial_snapshot'] === true)
      this.#firstTicks(subscription, fresh);
  }

  #acknowledge(id: number, subscription: Subscription, tickers: readonly string[]): void {
    const msg = subscription.skipAck ? '{}' : JSON.stringify({ market_tickers: tickers });
    this.socket.reply(`{"id":${id},"type":"ok",${subscription.numbered()},"msg":${msg}}`);
  }

  #list(id: number): void {
    const list = this.subscriptions.map(({ channel, sid }) => ({ channel, sid }));
    this.socket.reply(JSON.stringify({ id, type: 'ok', msg: list }));
  }

  #forget(subscription: Subscription): void {
    this.#subscriptions.delete(subscription.sid);
    this.#host.index(subscription.channel).remove(subscription, subscription.tickers);
    if (subscription.channel === 'orderbook_delta') this.#bookMarkets -= subscription.tickers!.size;
  }
}

function required(command: Command): Readonly<Record<string, unknown>> {
  if (command.params === null) throw new Refusal(2);
  return command.params;
}
