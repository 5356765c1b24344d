import { venueNames } from '../events/event.ts';
import { inReceiveOrder } from '../recording/in-order.ts';
import type { Micros } from '../units/time.ts';
import { venueDefinition } from '../venues/registration.ts';
import { Ownership } from './ownership.ts';
import { BOOK_TYPES, type RecordedMessage, recordedMessages } from './recorded-message.ts';
import { type PlacedLine, type RecordedFiles, recordedFiles } from './recording-files.ts';

/** Bare frames have no times: they are played so far apart. */
const BARE_DISTANCE = 100_000;

/** One recorded message with its time and, for Kalshi, the convention its book levels are in. */
export interface TimedMessage {
  readonly at: Micros;
  readonly message: RecordedMessage;
  readonly useYesPrice: boolean;
}

/** A part of a recording while it is read. */
interface OpenPart {
  readonly name: string;
  /** Whether what it does not say of a connection is unknown, rather than never recorded. */
  hasCommands: boolean;
  readonly connections: Set<string>;
}

type ReadLine = PlacedLine & { readonly part: OpenPart };

/** The convention that a recorded command asks for on its connection, or null where it says nothing of it. */
function sentConvention(command: string): boolean | null {
  for (const venue of venueNames) {
    const convention = venueDefinition(venue).sentConvention(command);
    if (convention !== null) return convention;
  }
  return null;
}

/**
 * All messages of the recordings in the order in which they were received. What cannot be replayed is told to
 * `skipped`: a line that cannot be read, and one of a book whose connection chose how prices are said to it, but not
 * within the recording.
 *
 * @throws RecordingError where a file cannot be read
 */
export async function* timedMessages(
  files: readonly string[],
  skipped: (file: string, line: number) => void = () => {},
): AsyncGenerator<TimedMessage> {
  const ownership = new Ownership();
  const conventions = new Map<string, boolean>();
  const read = async function* (recording: RecordedFiles, index: number): AsyncGenerator<ReadLine> {
    const connections = new Set<string>();
    const part: OpenPart = { name: String(index), hasCommands: recording.isArchived, connections };
    for await (const line of { [Symbol.asyncIterator]: () => recording.lines() }) yield { ...line, part };
    ownership.release(connections);
  };
  const parts = (await recordedFiles(files)).map((recording, index) => ({
    begin: recording.begin,
    lines: () => read(recording, index),
  }));
  let at = 0;
  for await (const line of inReceiveOrder(parts, ({ recorded }) => recorded?.t ?? 0)) {
    const { file, number, frame, recorded, fault, part } = line;
    if (fault !== undefined) skipped(file, number);
    const name = recorded?.conn ?? '';
    if (recorded?.sent !== undefined) {
      const convention = sentConvention(recorded.sent);
      if (convention === null) continue;
      conventions.set(name, convention);
      part.hasCommands = true;
      continue;
    }
    if (frame === null) continue;
    const messages = recordedMessages(frame);
    if (messages === null) skipped(file, number);
    at = recorded === null ? at + BARE_DISTANCE : recorded.t;
    const convention = conventions.get(name);
    const connection = `${part.name} ${name}`;
    part.connections.add(connection);
    for (const message of messages ?? []) {
      const { hasConventions } = venueDefinition(message.venue);
      if (convention === undefined && hasConventions && part.hasCommands && BOOK_TYPES.has(message.type)) {
        skipped(file, number);
        continue;
      }
      if (ownership.accepts(message, connection))
        yield { at: at as Micros, message, useYesPrice: convention ?? false };
    }
  }
}
