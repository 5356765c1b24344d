import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeeper } from '#src/capture/keeper.ts';
import type { ConnectionEpoch, LineKeeper } from '#src/capture/line.ts';
import type { Venue } from '#src/events/event.ts';
import { Batcher } from '#src/stream/batcher.ts';
import type { RecordStream } from '#src/stream/record-stream.ts';
import { systemAfter } from '#src/stream/timer.ts';
import { MICROS_PER_SECOND, type Micros, systemClock } from '#src/units/time.ts';
import { venueDefinition } from '#src/venues/registration.ts';

/** Takes everything at once: the stream's own time is not what is measured. */
const takesAll: RecordStream = { put: async (records) => records.map(() => null) };

/** What a gatherer makes of frames, from the text to the records of the stream, without its sockets. */
export class CaptureLine {
  readonly keeper: LineKeeper;
  readonly batcher: Batcher;
  readonly #venue: Venue;
  readonly #directory: string;
  readonly #epochs = new Map<string, ConnectionEpoch>();
  readonly #waiting = new Map<string, readonly string[]>();

  static async open(venue: Venue): Promise<CaptureLine> {
    const directory = await mkdtemp(join(tmpdir(), 'bench-line-'));
    const batcher = await Batcher.open({
      epoch: 'life',
      stream: takesAll,
      directory,
      clock: systemClock(),
      after: systemAfter,
      random: Math.random,
    });
    return new CaptureLine(venue, directory, batcher);
  }

  private constructor(venue: Venue, directory: string, batcher: Batcher) {
    this.#venue = venue;
    this.#directory = directory;
    this.batcher = batcher;
    this.keeper = createKeeper({
      venue,
      gatherer: 'a',
      epoch: 'bench',
      clock: systemClock(),
      decoder: venueDefinition(venue).decoder(),
      sink: batcher,
      snapshotInterval: 15 * MICROS_PER_SECOND,
      snapshotDepth: 10,
      anchorInterval: 60 * MICROS_PER_SECOND,
    });
  }

  /** A connection that is going to ask for these instruments. */
  connect(name: string, instruments: readonly string[], at: Micros): ConnectionEpoch {
    const epoch = { venue: this.#venue, name, useYesPrice: true };
    this.#epochs.set(name, epoch);
    this.keeper.expect(instruments, at);
    if (this.#venue === 'polymarket') this.keeper.bind(epoch, 0, instruments);
    else this.#waiting.set(name, instruments);
    return epoch;
  }

  /** One frame of a connection, in bytes, as the pool hands it on. */
  frame(connection: ConnectionEpoch, bytes: Uint8Array, at: Micros): void {
    const { controls, resync } = this.keeper.frame(connection, bytes, at);
    if (resync.length > 0) throw new Error(`a book went wrong: ${JSON.stringify(resync)}`);
    for (const control of controls) {
      if (control.type !== 'subscribed' || control.channel !== 'orderbook_delta') continue;
      const instruments = this.#waiting.get(connection.name)!;
      this.keeper.bind(connection, control.sid, instruments.slice(0, 1_000));
      this.#waiting.set(connection.name, instruments.slice(1_000));
    }
  }

  /** Ends it. @throws Error unless every book was proven and every line arrived. */
  async close(): Promise<void> {
    const { expected, proven } = this.keeper.counts();
    const { lines } = await this.batcher.drain(10_000);
    await this.batcher.close();
    await rm(this.#directory, { recursive: true, force: true });
    if (proven !== expected || lines > 0)
      throw new Error(`${proven} of ${expected} books proven, ${lines} lines left`);
  }
}
