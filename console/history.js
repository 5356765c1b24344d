import { Ring } from './ring.js';

/** Ten minutes at one reading a second. */
const READINGS = 600;
const LINES = ['a', 'b', 'c'];

/** How rates, delays and lag of the lines went, in the memory of ten minutes, and the latest report. */
export class History {
  latest = null;
  events = new Ring(3, READINGS);
  delay = new Ring(3, READINGS);
  lag = new Ring(3, READINGS);
  /** Events per second between the last two reports, by line. */
  rates = {};
  #before = {};

  add(report) {
    this.latest = report;
    const now = Date.now() / 1_000;
    this.rates = {};
    for (const line of LINES) {
      const status = report.lines[line];
      const before = this.#before[line];
      const isSameLife = status && before && before.epoch === status.epoch && now > before.at;
      this.rates[line] = isSameLife ? (status.events - before.events) / (now - before.at) : null;
      if (status) this.#before[line] = { epoch: status.epoch, events: status.events, at: now };
      else delete this.#before[line];
    }
    this.events.add(
      now,
      LINES.map((line) => this.rates[line]),
    );
    this.delay.add(
      now,
      LINES.map((line) => report.lines[line]?.latency_ms.p99 ?? null),
    );
    this.lag.add(
      now,
      LINES.map((line) => report.tape.lag_seconds?.[line] ?? null),
    );
  }
}
