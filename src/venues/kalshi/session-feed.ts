import type { Micros } from '../../units/time.ts';
import { MICROS_PER_SECOND } from '../../units/time.ts';
import type { ControlMessage } from '../decoder.ts';
import type { SessionPort, SessionStatus, VenueSession } from '../session.ts';
import type { CommandResult, CommandSettings } from './session-commands.ts';
import { CommandBook } from './session-commands.ts';
import { errorMeaning } from './session-errors.ts';
import { SessionHeartbeat } from './session-heartbeat.ts';

const AUDIT_EVERY = 60 * MICROS_PER_SECOND;
const PAUSE = MICROS_PER_SECOND;
const LONGEST_PAUSE = 60 * MICROS_PER_SECOND;
const UNHEARD = 3;

interface Channel {
  readonly name: string;
  sid: number | null;
  isAsked: boolean;
  quietUntil: Micros;
  refusals: number;
}

/**
 * A socket for channels that carry all markets without naming them (`ticker`, `trade`, the lifecycles): one
 * `subscribe` per channel, again whenever the venue ends one. `bind` and `dropped` are told without
 * instruments, once all channels are there and whenever one goes.
 */
export class KalshiFeedSession implements VenueSession {
  readonly #port: SessionPort;
  readonly #commands: CommandBook;
  readonly #heartbeat: SessionHeartbeat;
  readonly #channels: readonly Channel[];
  #isOpen = false;
  #auditAt: Micros | null = null;
  #version = 0;

  constructor(port: SessionPort, channels: readonly string[], commands: CommandSettings) {
    this.#port = port;
    this.#commands = new CommandBook(commands, (frame) => port.send(frame));
    this.#heartbeat = new SessionHeartbeat(port);
    this.#channels = channels.map((name) => ({
      name,
      sid: null,
      isAsked: false,
      quietUntil: 0 as Micros,
      refusals: 0,
    }));
  }

  opened(now: Micros): void {
    this.#isOpen = true;
    this.#auditAt = (now + AUDIT_EVERY) as Micros;
    this.#pump(now);
  }

  add(): void {}
  remove(): void {}
  refresh(): boolean {
    return false;
  }
  reseat(): boolean {
    return false;
  }

  control(message: ControlMessage, now: Micros): void {
    if (this.#commands.reply(message, now) || message.type !== 'error') return;
    const text = `error ${message.code}: ${message.message}`;
    const meaning = errorMeaning(message.code);
    if (meaning === 'unauthorized') {
      this.#port.unauthorized(text);
      return;
    }
    if (meaning !== 'subscription_ended') {
      this.#port.notice('venue_error', text);
      return;
    }
    const only = this.#channels.length === 1 ? this.#channels[0] : undefined;
    const channel = message.sid === null ? only : this.#channels.find(({ sid }) => sid === message.sid);
    if (channel !== undefined) {
      this.#end(channel, text, now);
      return;
    }
    this.#port.notice('venue_error', `${text}, of a subscription that is not known`);
    this.#auditAt = now;
  }

  heartbeat(kind: 'ping' | 'pong', now: Micros): void {
    this.#heartbeat.heard(kind, now);
  }

  tick(now: Micros): void {
    if (!this.#isOpen || !this.#heartbeat.tick(now)) return;
    for (const name of this.#commands.expire(now)) {
      this.#port.notice('command_timeout', `no reply to ${name} in time`);
    }
    if (this.#commands.silentInARow >= UNHEARD) {
      this.#port.fail('disconnected', `${UNHEARD} commands in a row were not answered`);
      return;
    }
    this.#pump(now);
    this.#audit(now);
  }

  status(): SessionStatus {
    const subscriptions = this.#channels.filter(({ sid }) => sid !== null).length;
    return { queued: 0, outstanding: this.#commands.outstanding, subscriptions };
  }

  #pump(now: Micros): void {
    for (const channel of this.#channels) {
      if (channel.sid !== null || channel.isAsked || channel.quietUntil > now) continue;
      if (!this.#commands.maySend(now)) return;
      channel.isAsked = true;
      const params = { channels: [channel.name], skip_ticker_ack: true };
      this.#commands.send(now, 'subscribe', params, (result, at) => this.#answered(channel, result, at));
    }
  }

  #answered(channel: Channel, result: CommandResult, now: Micros): void {
    channel.isAsked = false;
    if (result.ok && result.sid !== null) {
      channel.sid = result.sid;
      this.#version++;
      if (this.#channels.every(({ sid }) => sid !== null)) this.#port.bind(result.sid, []);
      return;
    }
    if (!result.ok && errorMeaning(result.code) === 'unauthorized') {
      this.#port.unauthorized(`error ${result.code}: ${result.message}`);
    }
    const why = result.ok ? 'the reply names no subscription' : `error ${result.code}: ${result.message}`;
    this.#port.notice('command_refused', `subscribe to ${channel.name}: ${why}`);
    this.#rest(channel, now);
  }

  #end(channel: Channel, reason: string, now: Micros): void {
    channel.sid = null;
    this.#version++;
    this.#rest(channel, now);
    this.#port.dropped([], 'subscription_lost', `${channel.name}: ${reason}`);
  }

  /** The first time at once, then ever later. */
  #rest(channel: Channel, now: Micros): void {
    const pause = channel.refusals === 0 ? 0 : Math.min(PAUSE * 2 ** channel.refusals, LONGEST_PAUSE);
    channel.refusals = Math.min(channel.refusals + 1, 10);
    channel.quietUntil = (now + pause) as Micros;
  }

  #audit(now: Micros): void {
    if (this.#auditAt === null || this.#auditAt > now || !this.#commands.maySend(now)) return;
    this.#auditAt = (now + AUDIT_EVERY) as Micros;
    const version = this.#version;
    this.#commands.send(now, 'list_subscriptions', undefined, (result, at) => {
      if (!result.ok || result.subscriptions === null || version !== this.#version) return;
      const there = new Set(result.subscriptions.map(({ sid }) => sid));
      for (const channel of this.#channels) {
        if (channel.sid === null) continue;
        if (there.has(channel.sid)) channel.refusals = 0;
        else this.#end(channel, 'the venue does not list it any more', at);
      }
    });
  }
}
