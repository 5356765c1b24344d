import { MICROS_PER_MINUTE, MICROS_PER_SECOND } from '../units/time.ts';

/** Longest time for which a configuration lets a segment of raw frames be written to, seconds. */
export const LONGEST_SEGMENT_SECONDS = 3_600;
/** Greatest age at which a configuration lets connections be replaced, seconds. */
export const LONGEST_CONNECTION_SECONDS = 14_400;

/** A segment is ended, and a connection replaced, somewhat after its time. */
const LATE = 10 * MICROS_PER_MINUTE;

/** A segment that holds what was received at some time began at most so long before, microseconds. */
export const SEGMENT_BEGAN_WITHIN = LONGEST_SEGMENT_SECONDS * MICROS_PER_SECOND + LATE;
/** A connection that was open at some time asked for what it gets at most so long before, microseconds. */
export const CONNECTION_BEGAN_WITHIN = LONGEST_CONNECTION_SECONDS * MICROS_PER_SECOND + LATE;
