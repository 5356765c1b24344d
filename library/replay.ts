import { setTimeout as sleep } from 'node:timers/promises';
import type { EventKind, MarketEvent, Venue } from '#src/events/event.ts';
import { playEvents } from '#src/replay/event-playback.ts';
import { PlaybackPace, type PlaybackSpeed } from '#src/replay/pace.ts';
import { recordingFiles } from '#src/replay/timed-messages.ts';
import { type Clock, MICROS_PER_MILLI, type Micros, systemClock } from '#src/units/time.ts';

/** Which events of which recordings, and how fast. */
export interface ReplayRequest {
  /** Recordings (`.jsonl`, `.gz`, `.zst`), or folders of them; `tape replay --save` makes one of the tape. */
  readonly paths: readonly string[];
  readonly venues?: readonly Venue[];
  readonly instruments?: readonly string[];
  readonly kinds?: readonly EventKind[];
  /** Receive time of the first event; the books as they are then come before it. */
  readonly from?: Micros;
  /** Not included. */
  readonly to?: Micros;
  /** 1 for the original pace, N-fold, or `max`, which is what is taken when absent. */
  readonly speed?: PlaybackSpeed;
  readonly clock?: Clock;
}

/**
 * The events of recordings one after another, as slowly as asked for. The order is that of the recording and the same
 * every time.
 *
 * @throws RecordingError where a file cannot be read
 */
export async function* replay(request: ReplayRequest): AsyncGenerator<MarketEvent> {
  const { paths, venues, instruments, kinds, from, to, speed = 'max', clock = systemClock() } = request;
  const pace = new PlaybackPace(speed, clock());
  const filter = {
    ...(venues === undefined ? {} : { venues: new Set(venues) }),
    ...(instruments === undefined ? {} : { instruments: new Set(instruments) }),
    ...(kinds === undefined ? {} : { kinds: new Set(kinds) }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
  for await (const event of playEvents(recordingFiles(paths), filter)) {
    const wait = pace.due(event.received_at) - clock();
    if (wait >= MICROS_PER_MILLI) await sleep(wait / MICROS_PER_MILLI);
    yield event;
  }
}
