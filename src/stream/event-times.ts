import type { RecordEnd, StreamLine, TimeSpan } from '../events/captured.ts';
import type { Micros } from '../units/time.ts';

/** Least and greatest of the times that events bear: when they were received, and what their venues say. */
export class EventTimes {
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;
  #isKnown = true;

  add(line: StreamLine): void {
    switch (line.kind) {
      case 'gap':
      case 'heartbeat':
      case 'market':
      case 'book_metrics':
        return;
      case 'book_snapshot':
        this.#addTime(line.snapshot_ts);
    }
    this.addEvent(line.received_at, line.exchange_ts);
  }

  /** Adds the times of an event that was received and has, or has not, a time of its venue. */
  addEvent(received_at: Micros, exchange_ts: Micros | null): void {
    this.#addTime(received_at);
    if (exchange_ts !== null) this.#addTime(exchange_ts);
  }

  #addTime(time: Micros): void {
    if (!Number.isSafeInteger(time)) this.#isKnown = false;
    if (time < this.#from) this.#from = time;
    if (time > this.#to) this.#to = time;
  }

  /** The span of what was added since the last time; null without any, undefined where some time was none. */
  take(): RecordEnd['events'] {
    let span: TimeSpan | null | undefined = null;
    if (!this.#isKnown) span = undefined;
    else if (this.#from <= this.#to) span = [this.#from as Micros, this.#to as Micros];
    this.#from = Number.POSITIVE_INFINITY;
    this.#to = Number.NEGATIVE_INFINITY;
    this.#isKnown = true;
    return span;
  }
}
