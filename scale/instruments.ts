import { join } from 'node:path';
import { Rig } from './rig.ts';

const POLL_MILLIS = 2_000;
/** A status counts every instrument: of a million it is not asked for often. */
const LONGEST_POLL_MILLIS = 10_000;
const LIMIT_MILLIS = 1_800_000;
/** With all books proven, what follows from them (anchors, first reports) has this long to settle. */
const SETTLE_MILLIS = 30_000;

/** One number of instruments in one gatherer. */
export interface InstrumentsRow {
  readonly instruments: number;
  readonly connections: number;
  /** From the start of the process until every market was listed, and until every book was proven. */
  readonly listed_seconds: number | null;
  readonly subscribed_seconds: number | null;
  readonly proven: number;
  /** Of the gatherer: greatest, and after everything has settled. */
  readonly peak_bytes: number;
  readonly settled_bytes: number;
  readonly heap_bytes: number;
  readonly bytes_per_instrument: number;
  readonly cpu_seconds: number;
  readonly cpu_micros_per_instrument: number;
  readonly exchange_cpu_seconds: number;
  readonly delay_p99_ms: number;
  readonly delay_max_ms: number;
  readonly spilled_records: number;
  readonly rescues: number;
}

const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis));

/** Registers, subscribes and seeds so many instruments, and says what that takes. */
export async function instruments(
  count: number,
  directory: string,
  note: (text: string) => void,
  nodeOptions?: string,
): Promise<InstrumentsRow> {
  const rig = new Rig({
    directory: join(directory, String(count)),
    instruments: count,
    ...(nodeOptions === undefined ? {} : { nodeOptions }),
  });
  try {
    const begun = await rig.start();
    let listed: number | null = null;
    let subscribed: number | null = null;
    let status = await rig.status();
    while (subscribed === null && performance.now() - begun < LIMIT_MILLIS) {
      await sleep(Math.min(LONGEST_POLL_MILLIS, 100 + count / 50));
      status = await rig.status();
      const { kalshi } = status.venues;
      const seconds = (performance.now() - begun) / 1_000;
      if (status.listed) listed ??= seconds;
      if (kalshi.proven >= count) subscribed = seconds;
      const memory = Math.round((rig.reading?.rss ?? 0) / 2 ** 20);
      note(
        `${count}: ${seconds.toFixed(0)} s, listed ${kalshi.expected}, subscribed ${kalshi.bound}, proven ${kalshi.proven}, ` +
          `${memory} MiB, ${status.stream.backlog} lines wait`,
      );
    }
    const cpu = rig.reading?.cpu_seconds ?? Number.NaN;
    const { exchange } = rig.cpuBeside;
    const delays = rig.reading?.delay_ms ?? { p99: Number.NaN, max: Number.NaN };
    await sleep(SETTLE_MILLIS);
    while (status.stream.backlog > count / 100 && performance.now() - begun < LIMIT_MILLIS) {
      await sleep(POLL_MILLIS);
      status = await rig.status();
    }
    status = await rig.status();
    const { kalshi } = status.venues;
    const { rss, heap } = rig.reading ?? { rss: Number.NaN, heap: Number.NaN };
    return {
      instruments: count,
      connections: kalshi.connected,
      listed_seconds: listed,
      subscribed_seconds: subscribed,
      proven: kalshi.proven,
      peak_bytes: rig.peakMemory,
      settled_bytes: rss,
      heap_bytes: heap,
      bytes_per_instrument: Math.round(heap / count),
      cpu_seconds: cpu,
      cpu_micros_per_instrument: Math.round((cpu * 1e6) / count),
      exchange_cpu_seconds: exchange,
      delay_p99_ms: delays.p99,
      delay_max_ms: delays.max,
      spilled_records: status.stream.spilled_records ?? 0,
      rescues: Object.entries(kalshi.notices).reduce(
        (sum, [name, times]) => (name.startsWith('rescue') || name === 'early_refresh' ? sum + times : sum),
        0,
      ),
    };
  } finally {
    await rig.stop();
  }
}
