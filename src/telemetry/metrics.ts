import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { LatencyHistogram } from './latency.ts';

/** Values of one label beyond this number are counted together as `other`. */
const MOST_LABEL_VALUES = 50;
const QUANTILES = [0.5, 0.9, 0.99];
const MICROS_PER_SECOND = 1_000_000;

/** Keeps what comes from outside from making ever new series. */
class LabelValues {
  readonly #seen = new Set<string>();

  take(value: string): string {
    if (this.#seen.has(value)) return value;
    if (this.#seen.size >= MOST_LABEL_VALUES) return 'other';
    this.#seen.add(value);
    return value;
  }
}

/**
 * The metrics of one capture line, in Prometheus' conventions: base units, `_total` for what only grows, and
 * labels of few values, never an instrument or a connection's number.
 */
export class LineMetrics {
  readonly registry = new Registry();
  readonly #problems: Counter<'venue' | 'reason'>;
  readonly #requests: Counter<'venue' | 'outcome'>;
  readonly #instruments: Gauge<'venue' | 'state'>;
  readonly #connections: Gauge<'venue' | 'state'>;
  readonly #openGaps: Gauge<'venue'>;
  readonly #states = new Map<string, Set<string>>();
  readonly #reasons = new LabelValues();
  readonly #outcomes = new LabelValues();
  /** Receive time of a record's oldest line until the stream has it. */
  readonly frameToStream = new LatencyHistogram();
  /** The same since somebody emptied it. */
  readonly recentFrameToStream = new LatencyHistogram();

  constructor() {
    this.#problems = this.#counter(
      'tape_problems_total',
      'What went wrong, by kind: frames, requests, connections, queues.',
      ['venue', 'reason'],
    );
    this.#requests = this.#counter('tape_http_requests_total', 'REST requests by outcome.', [
      'venue',
      'outcome',
    ]);
    this.#instruments = this.#gauge(
      'tape_instruments',
      'Instruments expected, bound to a connection, and proven.',
      ['venue', 'state'],
    );
    this.#connections = this.#gauge('tape_connections', 'Connections by state.', ['venue', 'state']);
    this.#openGaps = this.#gauge('tape_open_gaps', 'Gaps that are open now.', ['venue']);
    this.#quantiles(
      'tape_frame_to_stream_seconds',
      'From receive time until the stream has it.',
      this.frameToStream,
    );
    collectDefaultMetrics({ register: this.registry });
  }

  /** Lines whose oldest took so many microseconds from its receive time until the stream had it. */
  streamed(micros: number, lines: number): void {
    this.frameToStream.observe(micros, lines);
    this.recentFrameToStream.observe(micros, lines);
  }

  problem(venue: string, reason: string): void {
    this.#problems.inc({ venue, reason: this.#reasons.take(reason) });
  }

  httpRequest(venue: string, outcome: string): void {
    this.#requests.inc({ venue, outcome: this.#outcomes.take(outcome) });
  }

  instruments(
    venue: string,
    counts: { readonly expected: number; readonly bound: number; readonly proven: number },
  ): void {
    for (const state of ['expected', 'bound', 'proven'] as const)
      this.#instruments.set({ venue, state }, counts[state]);
  }

  /** Every state that is not named is zero. */
  connections(venue: string, states: Readonly<Record<string, number>>): void {
    const known = this.#states.get(venue) ?? new Set<string>();
    for (const state of known) if (!(state in states)) this.#connections.set({ venue, state }, 0);
    for (const [state, count] of Object.entries(states)) {
      known.add(state);
      this.#connections.set({ venue, state }, count);
    }
    this.#states.set(venue, known);
  }

  openGaps(venue: string, count: number): void {
    this.#openGaps.set({ venue }, count);
  }

  /** In the text format of Prometheus. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: Label[]): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #quantiles(name: string, help: string, histogram: LatencyHistogram): void {
    new Gauge({
      name,
      help: `${help} Quantiles since the start.`,
      labelNames: ['quantile'],
      registers: [this.registry],
      collect() {
        for (const quantile of QUANTILES) {
          const micros = histogram.quantile(quantile);
          if (micros !== null) this.set({ quantile: String(quantile) }, micros / MICROS_PER_SECOND);
        }
      },
    });
  }
}
