import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, require } from '../fault.ts';
import { live } from './lines.ts';
import type { LiveRun } from './live-run.ts';
import { recordsIn, SpilledEvents } from './spilled-events.ts';
import { LITTLE_MEMORY } from './streams.ts';

/** The process is away for so long that what it left can be looked at. */
const DOWN_MILLIS = 4_000;
/** On the disk before a kill, and records that the stream has taken of them before the second: they are few and large where nothing else is slow. */
const SPILLED_BYTES = 600_000;
const DRAINED_RECORDS = 8;
const LIMIT_MILLIS = 300_000;
/** Events a second: what is spilled must also drain on a slow machine. */
const RATE = 60;
/** A stream is away for so long before its gatherer is told to end. */
const AWAY_MILLIS = 20_000;
/** A line that ends vouches for nothing of its last moments. */
const VOUCHED_BEFORE_END_SECONDS = 8;
/** Line a in `lines` of the tape's rows. */
const BIT = 1;

/** Only line a hears the venues: what it loses, nobody else brings. */
function leaveAlone(run: LiveRun): void {
  for (const line of ['b', 'c'] as const) {
    run.gates[line].sockets = 'refused';
    run.gates[line].rest = 'refused';
    require(run.gates[line].cutSockets() > 0, `line ${line} had no connections to cut`);
  }
}

function reconnect(run: LiveRun): void {
  for (const line of ['b', 'c'] as const) {
    run.gates[line].sockets = 'open';
    run.gates[line].rest = 'open';
  }
}

/** What befalls a gatherer whose stream is away. */
export const spillFaults: readonly Fault[] = [
  live(
    18,
    'killed-while-spilling',
    'the only gatherer that hears the venues gets SIGKILL while it writes to its journal, and again while that drains',
    {
      settings: LITTLE_MEMORY,
      rate: RATE,
      inject: async (run, note) => {
        const gate = run.kinesis.a;
        const folder = run.journal('a');
        leaveAlone(run);
        gate.mood = 'refusing';
        const { epoch: first } = await run.until(
          'a',
          'a journal of some size',
          ({ stream }) => stream.spilled_bytes >= SPILLED_BYTES,
          LIMIT_MILLIS,
        );
        const before = (await run.status('a'))!.stream.spilled_bytes;
        await run.until('a', 'more in its journal', ({ stream }) => stream.spilled_bytes > before);
        run.killGatherer('a', DOWN_MILLIS);
        const spilled = await recordsIn(folder);
        const events = new SpilledEvents();
        for (const record of spilled) events.add(record);
        note(
          `killed while it spilled: ${spilled.length} records with ${events.size} changes and trades left`,
        );
        require(spilled.length > DRAINED_RECORDS, `only ${spilled.length} records are in the journal`);

        // The next life finds the journal, captures, and adds to it: what it found counts as spilled too.
        const { epoch: second, stream: found } = await run.until(
          'a',
          'a second life that has found the journal',
          ({ epoch, stream }) => epoch !== first && stream.spilled_bytes >= SPILLED_BYTES,
          LIMIT_MILLIS,
        );
        await run.until(
          'a',
          'a second life that spills',
          ({ epoch, stream }) => epoch === second && stream.spilled_bytes > found.spilled_bytes,
          LIMIT_MILLIS,
        );
        gate.mood = 'slow';
        for (const ends = Date.now() + LIMIT_MILLIS; gate.takenSlowly < DRAINED_RECORDS; await sleep(20))
          require(Date.now() < ends, `the stream took only ${gate.takenSlowly} records`);
        gate.mood = 'refusing';
        run.killGatherer('a', DOWN_MILLIS);
        const left = await recordsIn(folder);
        for (const record of left) events.add(record);
        const taken = left.filter(({ data }) => gate.hasTaken(data)).length;
        const waiting = new Set(left.map(({ order }) => order));
        const gone = spilled.filter(({ order }) => !waiting.has(order)).length;
        note(
          `killed while it drained: of ${left.length} records the stream has ${taken}; ${gone} of the first are gone`,
        );
        require(left.some(({ data }) => !gate.hasTaken(data)), 'the journal had drained before the kill');
        const newest = Math.max(...spilled.map(({ order }) => order));
        require(left.some(({ order }) => order > newest), 'the second life had spilled nothing of its own');

        gate.mood = 'open';
        run.faultOverAt = Date.now() + DOWN_MILLIS;
        await run.until(
          'a',
          'a third life with an empty journal',
          ({ epoch, stream }) => epoch !== second && stream.spilled_bytes === 0,
          LIMIT_MILLIS,
        );
        reconnect(run);
        let lacking = events.size;
        for (const ends = Date.now() + LIMIT_MILLIS; lacking > 0 && Date.now() < ends; await sleep(500))
          lacking = await run.database(run.state.production.url, (tape) => events.lackingOn(tape, BIT));
        require(lacking ===
          0, `${lacking} of ${events.size} events of the journals never came onto the tape`);
        note(`all ${events.size} are on the tape, of line a`);
      },
    },
  ),
  live(
    18,
    'stopped-while-spilling',
    'the only gatherer that hears the venues is replaced while its stream is away: what it leaves on its disk is vouched for',
    {
      settings: LITTLE_MEMORY,
      rate: RATE,
      inject: async (run) => {
        leaveAlone(run);
        run.kinesis.a.mood = 'refusing';
        await sleep(AWAY_MILLIS);
        const { epoch, stream } = (await run.status('a'))!;
        require(stream.spilled_bytes > 0, 'nothing is in the journal');
        run.signal('gatherer-a', 'SIGTERM');
        await run.until('a', 'another life', (status) => status.epoch !== epoch, LIMIT_MILLIS);
        run.kinesis.a.mood = 'open';
        run.faultOverAt = Date.now();
        await run.until('a', 'an empty journal', ({ stream }) => stream.spilled_bytes === 0, LIMIT_MILLIS);
        reconnect(run);
      },
      judge: (gaps, injectedAt) => {
        const stoppedAt = injectedAt + AWAY_MILLIS * 1_000;
        for (const venue of ['kalshi', 'polymarket']) {
          const whole = gaps.filter((gap) => gap.venue === venue && gap.instrument === '*');
          require(whole.length > 0, `${venue}: no gap of the time between the two lives`);
          const early = Math.max(...whole.map(({ from }) => (stoppedAt - from) / 1e6));
          require(early < VOUCHED_BEFORE_END_SECONDS, `${venue}: the gap begins ${early} s before the end`);
        }
      },
    },
  ),
];
