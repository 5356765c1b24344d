import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../sim/market/random.ts';
import { type Fault, require } from '../fault.ts';
import { live } from './lines.ts';
import { troubles } from './troubles.ts';

const LENGTH = 8;
/** How many of them begin while the one before is not over. */
const AT_ONCE = 0.4;

/**
 * Troubles in an order that follows from the seed, some of them at once: what no row thinks of by itself. A seed that
 * fails is run again by `npm run faults -- random-sequence --seed N`.
 */
export const randomSequence: readonly Fault[] = [
  live(29, 'random-sequence', `${LENGTH} troubles that the seed chooses, one after the other or at once`, {
    inject: async (run, note, seed) => {
      const random = new Random(seed, 'sequence');
      const going = new Set<Promise<void>>();
      const failed: string[] = [];
      for (let number = 0; number < LENGTH; number++) {
        const { name, befall } = random.pick(troubles);
        note(name);
        // Each draws from numbers of its own: how long others take must not change what it does.
        const trouble: Promise<void> = befall(run, new Random(seed, `trouble ${number}`))
          .catch((error: Error) => void failed.push(`${name}: ${error.message}`))
          .finally(() => going.delete(trouble));
        going.add(trouble);
        if (!random.chance(AT_ONCE)) await Promise.all(going);
        await sleep(random.between(0, 3) * 1_000);
      }
      await Promise.all(going);
      await run.simulator.faults('none');
      for (const database of ['production', 'line_a', 'line_b', 'line_c']) await run.reopen(database);
      require(failed.length === 0, failed.join('; '));
    },
  }),
];
