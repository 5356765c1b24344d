import type { Configuration } from '../config/schema.ts';
import { MICROS_PER_SECOND } from '../units/time.ts';
import { DEFAULT_TIMING, type PoolTiming } from './pool-contract.ts';

/** The pool's times as the configuration sets them, the same for every venue. */
export function lineTiming(capture: Configuration['capture']): PoolTiming {
  return {
    ...DEFAULT_TIMING,
    firstEventDeadline: capture.first_event_deadline_seconds * MICROS_PER_SECOND,
    stallAfter: capture.stall_seconds * MICROS_PER_SECOND,
    maxAge: capture.connection_max_age_seconds * MICROS_PER_SECOND,
  };
}
