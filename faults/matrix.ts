import type { Fault } from './fault.ts';
import { databaseFaults } from './live/databases.ts';
import { lineFaults } from './live/lines.ts';
import { longOutages } from './live/long-outage.ts';
import { machineFaults } from './live/machines.ts';
import { randomSequence } from './live/random-sequence.ts';
import { spillFaults } from './live/spilling.ts';
import { streamFaults } from './live/streams.ts';
import { venueFaults } from './live/venues.ts';
import { storageFaults } from './storage/rows.ts';

/** Every row that is run, by its number. */
export const matrix: readonly Fault[] = [
  ...lineFaults,
  ...venueFaults,
  ...streamFaults,
  ...longOutages,
  ...spillFaults,
  ...databaseFaults,
  ...storageFaults,
  ...machineFaults,
  ...randomSequence,
].sort((left, right) => left.row - right.row);
