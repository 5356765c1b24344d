import { setFlagsFromString } from 'node:v8';

/**
 * Has the collector weigh memory outside its heap (records, requests, frames on their way) against the whole of what is
 * in use. By itself it goes through all of the heap for every 64 MiB that were taken outside, however large the heap
 * is: with state for a million instruments that costs more than everything else, and finds nothing to free.
 */
setFlagsFromString('--external-memory-accounted-in-global-limit');

/** It then lets the heap grow several times over between two collections; by this much is nearly as cheap. */
setFlagsFromString('--heap-growing-percent=50');
