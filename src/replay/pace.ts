import type { Micros } from '../units/time.ts';

/** How fast a recording is played: a factor of its original pace, or as fast as it goes. */
export type PlaybackSpeed = number | 'max';

/** A speed that is none. */
export class PlaybackSpeedError extends Error {
  override readonly name = 'PlaybackSpeedError';
}

/** Reads `1`, `0.5`, `60`, `max`. @throws PlaybackSpeedError */
export function parseSpeed(text: string): PlaybackSpeed {
  if (text === 'max') return 'max';
  const factor = Number(text);
  if (text.trim() === '' || !Number.isFinite(factor) || factor <= 0) {
    throw new PlaybackSpeedError(`speed must be a number above 0 or "max", got "${text}"`);
  }
  return factor;
}

/**
 * When each recorded frame is due. The first one is due at the start; recorded times that go back do not: the
 * order of the recording stays.
 */
export class PlaybackPace {
  readonly #speed: PlaybackSpeed;
  readonly #longestPause: number;
  #last: number | null = null;
  #due: number;

  /**
   * @param longestPause pauses of the recording are cut to this many microseconds of playing time
   */
  constructor(speed: PlaybackSpeed, startedAt: Micros, longestPause = Number.POSITIVE_INFINITY) {
    this.#speed = speed;
    this.#due = startedAt;
    this.#longestPause = longestPause;
  }

  /** When the frame recorded at `recordedAt` is to be sent. Ask once per frame, in order. */
  due(recordedAt: Micros): Micros {
    if (this.#last === null) this.#last = recordedAt;
    const passed = Math.max(0, recordedAt - this.#last);
    this.#last = Math.max(this.#last, recordedAt);
    if (this.#speed !== 'max') this.#due += Math.min(passed / this.#speed, this.#longestPause);
    return Math.floor(this.#due) as Micros;
  }

  /** Everything still to come is due so much later. */
  delay(micros: number): void {
    this.#due += micros;
  }
}
