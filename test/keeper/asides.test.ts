import { describe, expect, it } from 'vitest';
import { Asides } from '#src/capture/keeper/asides.ts';
import type { BookDeltaEvent } from '#src/events/event.ts';
import { OccurrenceCounter } from '#src/events/occurrence.ts';
import { absolute, START, signed } from './line.ts';

const received = (event: object) => ({ ...event, received_at: START }) as BookDeltaEvent;
const change = (instrument: string) => received(signed(instrument, START, 'bid', 40, 1));

describe('the numbers of what reaches no book', () => {
  it('count equal changes of an instrument on, and know an absolute one that is sent again', () => {
    const asides = new Asides();
    expect(asides.place(change('A'), false)!.occurrence).toBe(0);
    expect(asides.place(change('B'), false)!.occurrence).toBe(0);
    expect(asides.place(change('A'), false)!.occurrence).toBe(1);
    const set = received(absolute('C', START, 'bid', 40, 1));
    expect(asides.place(set, false)!.occurrence).toBe(0);
    expect(asides.place(set, false)).toBeNull();
  });

  it('are those of the latest instruments alone, however many come and go over one subscription', () => {
    const asides = new Asides(4);
    for (let number = 0; number < 8; number++) asides.keep(`I${number}`, counted());
    // One that goes on being seen stays among the latest.
    expect(asides.place(change('I3'), false)!.occurrence).toBe(1);
    for (let number = 8; number < 12; number++) asides.keep(`I${number}`, counted());
    const kept = Array.from({ length: 12 }, (_, number) => `I${number}`).filter(
      (name) => asides.countAt(name, START) > 0,
    );
    expect(kept).toEqual(['I3', 'I8', 'I9', 'I10', 'I11']);
    expect(asides.take('I11')!.countAt(START)).toBe(1);
    expect(asides.take('I11')).toBeNull();
  });
});

function counted(): OccurrenceCounter {
  const counter = new OccurrenceCounter();
  counter.placeSigned(START, 'bid', 400_000, 1_000_000);
  return counter;
}
