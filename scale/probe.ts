/** Loaded into a gatherer before itself: tells the scale run every second what the process takes. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const EVERY_MILLIS = 1_000;
const RESOLUTION_MILLIS = 10;

/** What a process took, as of one moment. */
export interface ProbeReading {
  readonly rss: number;
  readonly heap: number;
  readonly external: number;
  readonly cpu_seconds: number;
  /** How late timers were, since the delays were last forgotten. */
  readonly delay_ms: { readonly p99: number; readonly max: number };
}

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MILLIS });
delay.enable();
/** The histogram holds the distance of two timers. */
const lateness = (nanos: number): number => Math.max(0, nanos / 1e6 - RESOLUTION_MILLIS);

function reading(): ProbeReading {
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    rss,
    heap: heapUsed,
    external,
    cpu_seconds: (user + system) / 1e6,
    delay_ms: { p99: lateness(delay.percentile(99)), max: lateness(delay.max) },
  };
}

setInterval(() => process.send?.(reading()), EVERY_MILLIS).unref();
process.on('message', (wish: unknown) => {
  if (wish !== null && typeof wish === 'object' && 'forgetDelays' in wish) delay.reset();
});
process.channel?.unref();
