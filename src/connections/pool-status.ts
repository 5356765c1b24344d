import type { Venue } from '../events/event.ts';
import type { Micros } from '../units/time.ts';
import type { ConnectionStatus, PoolStatus } from './pool-contract.ts';
import type { Slot } from './slot.ts';

function slotStatus(slot: Slot, now: Micros): ConnectionStatus {
  const life = slot.current;
  return {
    name: slot.name,
    purpose: slot.purpose,
    state: slot.state(now),
    epoch: slot.epochs,
    instruments: { requested: slot.assignments.size, subscribed: slot.subscribed, seeded: slot.seeded },
    session: life?.session.status() ?? { queued: 0, outstanding: 0, subscriptions: 0 },
    frames: life?.frames ?? 0,
    binary_frames: life?.binaryFrames ?? 0,
    last_data_age: life?.hasData === true ? now - life.watch.lastAt : null,
    message_age: life?.messageAge ?? null,
    reconnects: slot.reconnects,
    last_close: slot.lastClose,
  };
}

export function poolStatus(
  venue: Venue,
  slots: readonly Slot[],
  unplaced: number,
  unauthorized: boolean,
  counters: ReadonlyMap<string, number>,
  now: Micros,
): PoolStatus {
  const connections = slots.map((slot) => slotStatus(slot, now));
  const instruments = { requested: unplaced, subscribed: 0, seeded: 0 };
  for (const { instruments: counts } of connections) {
    instruments.requested += counts.requested;
    instruments.subscribed += counts.subscribed;
    instruments.seeded += counts.seeded;
  }
  return {
    venue,
    unauthorized,
    instruments,
    unplaced,
    counters: Object.fromEntries([...counters].sort(([a], [b]) => (a < b ? -1 : 1))),
    connections,
  };
}
