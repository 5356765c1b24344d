import type { LineNotice } from '#src/connections/pool-contract.ts';
import type { StreamLine } from '#src/events/captured.ts';
import type { Venue } from '#src/events/event.ts';
import { encodeLine } from '#src/stream/line-encoder.ts';
import type { DecodedFrame, FrameDecoder } from '#src/venues/decoder.ts';
import { frameText } from '#src/venues/frame-bytes.ts';
import { Random } from '../../sim/market/random.ts';
import { openExchangeLine } from './exchange-line.ts';
import { Mutation } from './mutation.ts';
import { recordedFrames } from './recorded-frames.ts';

/** What became of the frames of one venue. */
export interface FrameFigures {
  /** Frames that the line was given, good ones included. */
  frames: number;
  mutated: number;
  /** Of all frames: the decoder found something wrong with it. */
  refused: number;
  /** What it found, and what the line counted: equal unless something goes uncounted. */
  problems: number;
  problems_counted: number;
  /** Mutated frames that gave neither an event nor a problem nor anything else. */
  unnoticed: number;
  /** Lines that the line handed on, and of them those that the stream could not carry. */
  lines: number;
  lines_broken: number;
  /** Errors that a part threw. */
  thrown: number;
  /** Books of all instruments, once nothing was mutated any more: how many are not the exchange's. */
  books: number;
  books_wrong: number;
}

export interface FrameFuzz {
  readonly figures: FrameFigures;
  /** Of everything that is wrong, some, with the frame where there is one. */
  readonly examples: readonly string[];
}

export interface FrameFuzzOptions {
  readonly venue: Venue;
  /** Mutated frames, at least. */
  readonly frames: number;
  readonly seed: number;
  /** Called every second of simulated time. */
  readonly progress?: (mutated: number) => void | Promise<void>;
}

const MARKETS = 24;
const MOST_EXAMPLES = 20;
/** So many frames before are kept: parts of them come into later ones. */
const REMEMBERED = 64;
/** All sockets are new and all books told again by then, whatever the line had to wait for. */
const CALM_SECONDS = 180;

const isNothing = ({ events, controls, problems, tickSizes, tops }: DecodedFrame): boolean =>
  events.length + controls.length + problems.length + tickSizes.length + tops.length === 0;

/**
 * Lets a whole line of one venue, from the socket to the lines of the stream, capture a simulated exchange while
 * frames on the way are mutated, and frames made of recorded ones come between. Then lets it recover, and holds its
 * books against the exchange's. Time is simulated; the same seed gives the same frames.
 */
export async function fuzzFrames({ venue, frames, seed, progress }: FrameFuzzOptions): Promise<FrameFuzz> {
  const random = new Random(seed, `${venue} frames`);
  const mutation = new Mutation(random);
  const recorded = recordedFrames(venue);
  const figures: FrameFigures = {
    frames: 0,
    mutated: 0,
    refused: 0,
    problems: 0,
    problems_counted: 0,
    unnoticed: 0,
    lines: 0,
    lines_broken: 0,
    thrown: 0,
    books: 0,
    books_wrong: 0,
  };
  const examples: string[] = [];
  const example = (text: string): void => {
    if (examples.length < MOST_EXAMPLES) examples.push(text.slice(0, 2_000));
  };
  let isMutating = true;
  const mutants = new Set<string>();
  const before = Array.from({ length: REMEMBERED }, (_, index) => recorded[index % recorded.length]!);
  const mutant = (text: string): string => {
    figures.mutated++;
    const made = mutation.of(text, random.pick(before));
    mutants.add(made);
    return made;
  };
  const way = (frame: string): (string | Uint8Array)[] => {
    before[random.between(0, REMEMBERED - 1)] = frame;
    if (!isMutating || random.chance(0.5)) return [frame];
    const made = mutant(random.chance(0.3) ? random.pick(recorded) : frame);
    const data = random.chance(0.01) ? new TextEncoder().encode(made) : made;
    return random.chance(0.3) ? [data] : random.chance(0.5) ? [frame, data] : [data, frame];
  };

  const decoder = (own: FrameDecoder): FrameDecoder => ({
    venue,
    decode(given, context) {
      const frame = frameText(given);
      figures.frames++;
      let decoded: DecodedFrame;
      try {
        decoded = own.decode(frame, context);
      } catch (error) {
        figures.thrown++;
        example(`the decoder threw ${(error as Error).stack}\nover ${frame}`);
        throw error;
      }
      if (decoded.problems.length > 0) figures.refused++;
      figures.problems += decoded.problems.length;
      if (mutants.has(frame) && isNothing(decoded)) {
        figures.unnoticed++;
        example(`nothing came of the frame ${frame}`);
      }
      return decoded;
    },
  });
  const accept = (_lane: string, line: StreamLine): void => {
    figures.lines++;
    let text = '';
    try {
      text = encodeLine(line);
      JSON.parse(text);
      if (text.indexOf('\n') === text.length - 1) return;
    } catch {
      // Told below.
    }
    figures.lines_broken++;
    example(`no line of the stream: ${text === '' ? line.kind : text}`);
  };
  const notice = ({ kind, message }: LineNotice): void => {
    if (kind !== 'internal_error') return;
    figures.thrown++;
    example(`thrown: ${message}`);
  };
  const captured = await openExchangeLine({
    venue,
    markets: MARKETS,
    seed,
    random,
    way,
    sink: { accept },
    decoder,
    notice,
  });
  const { exchange, keeper } = captured;
  figures.books = exchange.instruments.length;
  const step = (millis: number) => captured.step(millis, () => mutants.clear());
  for (let steps = 0; figures.mutated < frames; steps++) {
    await step(100);
    if (steps % 10 === 0) await progress?.(figures.mutated);
  }
  isMutating = false;
  // What a frame made believe that was whole and wrong is over with the socket that brought it.
  await step(1_000);
  captured.cut();
  for (let second = 0; second < CALM_SECONDS && !isWell(); second++) {
    await step(1_000);
    await progress?.(figures.mutated);
  }
  for (const instrument of exchange.instruments) {
    const own = keeper.view(instrument);
    const right = exchange.book(instrument);
    const isRight =
      own?.proven === true &&
      JSON.stringify([own.bids, own.asks]) === JSON.stringify([right.bids, right.asks]);
    if (isRight) continue;
    figures.books_wrong++;
    example(
      `the book of ${instrument} is ${own?.proven === true ? 'not that of the exchange' : 'not proven'}`,
    );
  }
  figures.problems_counted = keeper.counters.problems;
  await captured.close();
  return { figures, examples };

  function isWell(): boolean {
    const { expected, proven } = keeper.counts();
    return expected === proven;
  }
}

/** Whether every frame was dealt with, nothing was lost uncounted, and the line is well again. */
export function areFramesHeld(figures: FrameFigures): boolean {
  const { problems, problems_counted, unnoticed, lines_broken, thrown, books_wrong, refused } = figures;
  return (
    problems === problems_counted &&
    unnoticed === 0 &&
    lines_broken === 0 &&
    thrown === 0 &&
    books_wrong === 0 &&
    refused > 0
  );
}
