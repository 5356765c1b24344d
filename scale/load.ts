import { join } from 'node:path';
import { fingerprintOf } from './kept-stream.ts';
import { Rig } from './rig.ts';

const INSTRUMENTS = 20_000;
const BUSY = 5_000;
const POLL_MILLIS = 1_000;
const SETTLE_MILLIS = 20_000;
/** What goes on afterwards, so that a collector has reason to run: a hundredth of a burst, for two minutes. */
const CALM_RATE = 1_000;
const CALM_SECONDS = 120;
const LIMIT_MILLIS = 600_000;
const MEBIBYTE = 2 ** 20;

/** What one gatherer did with messages at a rate. */
export interface LoadRow {
  readonly name: string;
  /** Messages a second that were asked of the exchange, and that it made. */
  readonly asked_rate: number;
  readonly made_rate: number;
  readonly seconds: number;
  readonly messages: number;
  /** Seconds after the last message until the stream had everything. */
  readonly behind_seconds: number;
  readonly frame_to_stream_p50_ms: number;
  readonly frame_to_stream_p99_ms: number;
  readonly event_loop_p99_ms: number;
  readonly event_loop_max_ms: number;
  /** Resident memory before, in the middle (a median of each third), at most, and in the end of two calm minutes after. */
  readonly memory_before_mib: number;
  readonly memory_thirds_mib: readonly number[];
  readonly memory_peak_mib: number;
  readonly memory_after_mib: number;
  readonly cpu_micros_per_message: number;
  readonly exchange_cpu_micros_per_message: number;
  readonly spilled_records: number;
  readonly gaps_opened: number;
  readonly reconnects: number;
  /** Whether the stream has exactly the events that the exchange made, and how many those are. */
  readonly is_true: boolean;
  readonly events_made: number;
  readonly events_in_stream: number;
}

const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis));

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

const thirds = (values: readonly number[]): number[] =>
  [0, 1, 2].map((part) => median(values.slice((part * values.length) / 3, ((part + 1) * values.length) / 3)));

/** Sends so many messages a second for so long into one gatherer, and compares the stream with what was sent. */
export async function load(
  name: string,
  rate: number,
  seconds: number,
  directory: string,
  note: (text: string) => void,
  nodeOptions?: string,
): Promise<LoadRow> {
  const folder = join(directory, name);
  const streamFile = join(folder, 'stream.zst');
  const rig = new Rig({
    directory: folder,
    instruments: INSTRUMENTS,
    busy: BUSY,
    streamFile,
    ...(nodeOptions === undefined ? {} : { nodeOptions }),
  });
  const memory = (): number => Math.round((rig.reading?.rss ?? Number.NaN) / MEBIBYTE);
  let row: Omit<LoadRow, 'is_true' | 'events_in_stream'>;
  let truth: { readonly events: number; readonly sum: number; readonly xor: number };
  try {
    await rig.start();
    const begun = performance.now();
    for (;;) {
      const { venues, stream } = await rig.status();
      if (venues.kalshi.proven >= INSTRUMENTS && stream.backlog < INSTRUMENTS / 10) break;
      if (performance.now() - begun > LIMIT_MILLIS) throw new Error('the books were not proven in time');
      await sleep(POLL_MILLIS);
    }
    await sleep(SETTLE_MILLIS);
    const before = await rig.status();
    const memoryBefore = memory();
    const cpuBefore = { own: rig.reading?.cpu_seconds ?? 0, beside: rig.cpuBeside };
    await rig.forgetDelays();
    note(
      `${name}: ${INSTRUMENTS} books are proven, ${memoryBefore} MiB; ${rate} messages/s for ${seconds} s`,
    );
    const samples: number[] = [];
    const watching = setInterval(() => samples.push(memory()), POLL_MILLIS);
    const flowed = await rig.flow(rate, seconds);
    const flowedAt = performance.now();
    const during = thirds(samples);
    const arrived = async (messages: number): Promise<void> => {
      const began = performance.now();
      for (let quiet = 0; quiet < 2 && performance.now() - began < LIMIT_MILLIS; ) {
        const { frames, stream } = await rig.status();
        const isDone = frames - before.frames >= messages && stream.backlog < 100;
        quiet = isDone ? quiet + 1 : 0;
        if (quiet < 2) await sleep(200);
      }
    };
    await arrived(flowed.messages);
    const behind = (performance.now() - flowedAt) / 1_000;
    await sleep(POLL_MILLIS * 2);
    const totals = await rig.totals();
    const delays = rig.reading?.delay_ms ?? { p99: Number.NaN, max: Number.NaN };
    const cpu = (rig.reading?.cpu_seconds ?? Number.NaN) - cpuBefore.own;
    const exchangeCpu = rig.cpuBeside.exchange - cpuBefore.beside.exchange;
    const peak = Math.max(...samples);
    samples.length = 0;
    const calm = await rig.flow(CALM_RATE, CALM_SECONDS);
    truth = calm.truth;
    await arrived(flowed.messages + calm.messages);
    clearInterval(watching);
    const after = await rig.status();
    const reconnects = (status: typeof after): number => status.venues.kalshi.notices['disconnected'] ?? 0;
    row = {
      name,
      asked_rate: rate,
      made_rate: Math.round(flowed.messages / flowed.seconds),
      seconds: flowed.seconds,
      messages: flowed.messages,
      behind_seconds: behind,
      frame_to_stream_p50_ms: totals.delay_ms.p50,
      frame_to_stream_p99_ms: totals.delay_ms.p99,
      event_loop_p99_ms: delays.p99,
      event_loop_max_ms: delays.max,
      memory_before_mib: memoryBefore,
      memory_thirds_mib: during,
      memory_peak_mib: peak,
      memory_after_mib: median(samples.slice(-10)),
      cpu_micros_per_message: (cpu * 1e6) / flowed.messages,
      exchange_cpu_micros_per_message: (exchangeCpu * 1e6) / flowed.messages,
      spilled_records: (after.stream.spilled_records ?? 0) - (before.stream.spilled_records ?? 0),
      gaps_opened: after.gaps_opened - before.gaps_opened,
      reconnects: reconnects(after) - reconnects(before),
      events_made: truth.events,
    };
  } finally {
    await rig.stop();
  }
  const found = fingerprintOf(streamFile);
  const isTrue = found.events === truth.events && found.sum === truth.sum && found.xor === truth.xor;
  return { ...row, is_true: isTrue, events_in_stream: found.events };
}
