import type { Gatherer } from '#src/events/event.ts';

/** The three lines. */
export const gatherers: readonly Gatherer[] = ['a', 'b', 'c'];
