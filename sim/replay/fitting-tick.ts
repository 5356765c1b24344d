import type { Level } from '#src/events/event.ts';

/** Steps of prices that the venues have, micro-dollars. */
const TICKS = [10_000, 1_000, 100] as const;

/** The coarsest step that every price is on: what is taken where a recording does not tell the market's own. */
export function fittingTick(...sides: readonly (readonly Level[])[]): (typeof TICKS)[number] {
  const fits = (tick: number): boolean =>
    sides.every((levels) => levels.every(([price]) => price % tick === 0));
  return TICKS.find(fits) ?? 100;
}
