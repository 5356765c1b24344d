import { setTimeout as sleep } from 'node:timers/promises';
import type { EventKind, MarketEvent, Venue } from '#src/events/event.ts';
import { playEvents } from '#src/replay/event-playback.ts';
import { PlaybackPace, type PlaybackSpeed } from '#src/replay/pace.ts';
import { recordingFiles } from '#src/replay/recording-files.ts';
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
  /** Told of every line of a recording that cannot be played; lines count from 1. */
  readonly skipped?: (file: string, line: number) => void;
}

/**
 * The events of recordings in the order in which they were received, as slowly as asked for: the same order every time.
 * Within a file the order is that of its lines; where that goes against the receive times, as in a recording of the
 * tape, a change of a book from before `from` may follow the books, which lack it.
 *
 * @throws RecordingError where a file cannot be read, or several lines of the system recorded what is there
 */
export async function* replay(request: ReplayRequest): AsyncGenerator<MarketEvent> {
  const { paths, venues, instruments, kinds, from, to, skipped } = request;
  const { speed = 'max', clock = systemClock() } = request;
  const pace = new PlaybackPace(speed, clock());
  const filter = {
    ...(venues === undefined ? {} : { venues: new Set(venues) }),
    ...(instruments === undefined ? {} : { instruments: new Set(instruments) }),
    ...(kinds === undefined ? {} : { kinds: new Set(kinds) }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
  for await (const event of playEvents(recordingFiles(paths), filter, skipped)) {
    const wait = pace.due(event.received_at) - clock();
    if (wait >= MICROS_PER_MILLI) await sleep(wait / MICROS_PER_MILLI);
    yield event;
  }
}
