import type { CaptureCore } from '../capture/keeper/capture-core.ts';
import { createKeeper } from '../capture/keeper.ts';
import type { ConnectionEpoch } from '../capture/line.ts';
import type { RecordedLine } from '../capture/recording.ts';
import type { CapturedEvent, StreamLine } from '../events/captured.ts';
import { type Gatherer, isOfBook, type Venue } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import type { FrameDecoder } from '../venues/decoder.ts';
import { venueDefinition } from '../venues/registration.ts';
import type { SentSubscription, VenueDefinition } from '../venues/venue.ts';

/** What a line would have handed on of one recorded line. */
export type ReplayedEvent = Exclude<CapturedEvent, { kind: 'gap' }>;

interface Connection {
  readonly epoch: ConnectionEpoch;
  /** Whether it is not known in whose prices its books are: it chose so, but the recording does not have it. */
  readonly isConventionUnknown: boolean;
  /** Commands whose reply is still to come, by their ids. */
  readonly asked: Map<number, SentSubscription>;
}

/**
 * A line's capture core, fed again with what the line recorded: frames and its own commands, in order. Gives the
 * events as the line stored them, identity included. What the line made of its own (gaps, heartbeats, books of the
 * engine) is not among them: of those only the living line can speak.
 */
export class ReplayedLine {
  readonly #venue: Venue;
  readonly #definition: VenueDefinition;
  readonly #decoder: FrameDecoder;
  readonly #keeper: CaptureCore;
  readonly #connections = new Map<string, Connection>();
  #now = 0 as Micros;
  #events: ReplayedEvent[] = [];
  /** Events of books so far that were left out, because in whose prices their connection tells them is not known. */
  conventionUnknown = 0;

  constructor(venue: Venue, gatherer: Gatherer, startedAt: Micros) {
    this.#venue = venue;
    this.#definition = venueDefinition(venue);
    this.#decoder = this.#definition.decoder();
    this.#now = startedAt;
    this.#keeper = createKeeper({
      venue,
      gatherer,
      epoch: 'replay',
      clock: () => this.#now,
      decoder: this.#decoder,
      sink: { accept: (_lane, line) => this.#take(line) },
      snapshotInterval: 0,
      snapshotDepth: 1,
      anchorInterval: 0,
    });
  }

  /** @param line later than, or as late as, the one before */
  feed(line: RecordedLine): readonly ReplayedEvent[] {
    this.#events = [];
    this.#now = line.t;
    if (line.sent !== undefined) this.#sent(line.conn, line.sent);
    else if (line.frame !== undefined) this.#frame(line.conn, line.frame);
    else if (line.binary !== undefined)
      this.#frame(line.conn, Buffer.from(line.binary, 'base64').toString('utf8'));
    this.#keeper.tick(this.#now);
    return this.#events;
  }

  #take(line: StreamLine): void {
    switch (line.kind) {
      case 'trade':
      case 'book_delta':
      case 'ticker':
      case 'lifecycle':
        this.#events.push(line);
        break;
      case 'book_snapshot':
        if (line.source === 'ws') this.#events.push(line);
        break;
    }
  }

  #connection(name: string): Connection {
    let connection = this.#connections.get(name);
    if (connection === undefined) {
      connection = {
        epoch: { venue: this.#venue, name, useYesPrice: false },
        isConventionUnknown: this.#definition.hasConventions,
        asked: new Map(),
      };
      this.#connections.set(name, connection);
    }
    return connection;
  }

  #sent(name: string, command: string): void {
    const convention = this.#definition.sentConvention(command);
    if (convention !== null) {
      const asked = this.#connection(name).asked;
      const epoch = { venue: this.#venue, name, useYesPrice: convention };
      this.#connections.set(name, { epoch, isConventionUnknown: false, asked });
    }
    const connection = this.#connection(name);
    const wanted = this.#definition.sentSubscription(command);
    if (wanted === null) return;
    if (wanted.sid !== null) this.#keeper.bind(connection.epoch, wanted.sid, wanted.instruments);
    else if (wanted.id !== null) connection.asked.set(wanted.id, wanted);
  }

  #frame(name: string, frame: string): void {
    const connection = this.#connection(name);
    if (connection.isConventionUnknown) {
      const context = { received_at: this.#now, useYesPrice: false };
      const ofBooks = this.#decoder.decode(frame, context).events.filter(isOfBook).length;
      this.conventionUnknown += ofBooks;
      if (ofBooks > 0) return;
    }
    const { controls } = this.#keeper.frame(connection.epoch, frame, this.#now);
    for (const control of controls) {
      if (control.type !== 'subscribed' || control.id === null) continue;
      const wanted = connection.asked.get(control.id);
      if (wanted === undefined) continue;
      connection.asked.delete(control.id);
      this.#keeper.bind(connection.epoch, control.sid, wanted.instruments);
    }
  }
}
