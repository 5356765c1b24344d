import { setImmediate as turn } from 'node:timers/promises';
import type { ConnectionEpoch } from '#src/capture/line.ts';
import type { Venue } from '#src/events/event.ts';
import type { FrameContext } from '#src/venues/decoder.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import { CaptureLine } from './capture-line.ts';
import type { ConnectionFrames } from './inputs/simulated-frames.ts';
import { type Contender, measure, rateRow } from './measure.ts';
import type { Extent, Row } from './row.ts';

/** Frames between two turns of the event loop, in which the batcher sends. */
const PER_TURN = 500;
/** Part of the frames in which first books come and are reported whole: not what a day is made of. */
const BEGINNING = 0.25;
const UNIT = 'frames/s of CPU';

/** Decodes one frame whatever it is, without the scanner. */
export type PlainDecode = (frame: string, context: FrameContext) => unknown;

/** Steps `from` to `to`, the event loop having its turn now and then. @returns how many. */
async function eachInTurns(from: number, to: number, step: (index: number) => void): Promise<number> {
  for (let start = from; start < to; start += PER_TURN) {
    const end = Math.min(to, start + PER_TURN);
    for (let index = start; index < end; index++) step(index);
    await turn();
  }
  return to - from;
}

/** @param first the first frame that counts; those before it make the books and are not measured. */
function whole(venue: Venue, input: ConnectionFrames, bytes: readonly Buffer[], first: number): Contender {
  let line: CaptureLine;
  let connection: ConnectionEpoch;
  const take = (index: number) => line.frame(connection, bytes[index]!, input.frames[index]!.at);
  return {
    name: 'the whole hot path',
    prepare: async () => {
      await line?.close();
      line = await CaptureLine.open(venue);
      connection = line.connect(`${venue}-1#1`, input.instruments, input.frames[0]!.at);
      await eachInTurns(0, first, take);
    },
    run: () => eachInTurns(first, bytes.length, take),
  };
}

/** Keeps results alive, so that no work can be left out. */
let kept: unknown = null;

/**
 * From bytes to records, and its steps, beside `JSON.parse`: once over texts that lie ready, the strictest
 * measure, and once from bytes as well.
 */
export async function hotPathRows(
  venue: Venue,
  input: ConnectionFrames,
  plainDecode: PlainDecode,
  extent: Extent,
): Promise<readonly Row[]> {
  const texts = input.frames.map(({ text }) => text);
  const bytes = texts.map((text) => Buffer.from(text));
  const first = Math.floor(texts.length * BEGINNING);
  const decoder = venueDefinition(venue).decoder();
  const contexts = input.frames.map(({ at }) => ({ received_at: at, useYesPrice: true }));
  const over = (name: string, step: (index: number) => unknown): Contender => ({
    name,
    run: () =>
      eachInTurns(first, texts.length, (index) => {
        kept = step(index);
      }),
  });
  const parse = over('JSON.parse of ready texts', (index) => JSON.parse(texts[index]!));
  const parseBytes = over('text and JSON.parse', (index) => JSON.parse(bytes[index]!.toString('utf8')));
  const decode = over('decoder', (index) => decoder.decode(texts[index]!, contexts[index]!));
  const plain = over('decoder without scanner', (index) => plainDecode(texts[index]!, contexts[index]!));
  const path = whole(venue, input, bytes, first);
  const rates = await measure([path, parse, parseBytes, decode, plain], extent.rounds);
  if (kept === undefined) throw new Error('nothing was decoded');
  const row = (name: string, ours: Contender, peer: Contender, reach: number | null) =>
    rateRow(rates, ours.name, peer.name, { name: `${venue}: ${name}`, reach, unit: UNIT });
  return [
    row('frame to batched record', path, parse, 0.6),
    row('frame to batched record, from bytes as the peer', path, parseBytes, null),
    row('decode alone', decode, parse, null),
    row('decode without the scanner', plain, parse, null),
    row('decode, scanner beside JSON.parse', decode, plain, null),
  ];
}
