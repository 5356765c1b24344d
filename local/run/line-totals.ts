import type { GathererStatus } from '#src/status/line-status.ts';

/** Adds up a line's counters over the lives of its process: a restarted gatherer counts from zero again. */
export class LineTotals {
  #epoch = '';
  #earlier = { frames: 0, events: 0, gaps: 0 };
  #current = { frames: 0, events: 0, gaps: 0 };
  #last: GathererStatus | null = null;

  observe(status: GathererStatus): void {
    if (status.epoch !== this.#epoch) {
      this.#epoch = status.epoch;
      this.#earlier = this.totals;
    }
    this.#current = { frames: status.frames, events: status.events, gaps: status.gaps_opened };
    this.#last = status;
  }

  get last(): GathererStatus | null {
    return this.#last;
  }

  get totals(): { frames: number; events: number; gaps: number } {
    return {
      frames: this.#earlier.frames + this.#current.frames,
      events: this.#earlier.events + this.#current.events,
      gaps: this.#earlier.gaps + this.#current.gaps,
    };
  }
}
