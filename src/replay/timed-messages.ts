import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readRecording } from '../recording/read-recording.ts';
import type { Micros } from '../units/time.ts';
import { Ownership } from './ownership.ts';
import { type RecordedMessage, recordedMessages, requestedYesPrices } from './recorded-message.ts';

/** Bare frames have no times: they are played so far apart. */
const BARE_DISTANCE = 100_000;

/** One recorded message with its time and, for Kalshi, the convention its book levels are in. */
export interface TimedMessage {
  readonly at: Micros;
  readonly message: RecordedMessage;
  readonly useYesPrice: boolean;
}

/** The recordings at the given paths: files, and what lies in folders, by name. */
export function recordingFiles(paths: readonly string[]): string[] {
  const isRecording = (name: string): boolean => /\.(jsonl|ndjson)(\.gz|\.zst)?$/.test(name);
  return paths.flatMap((path) => {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter(isRecording)
      .sort()
      .map((name) => join(path, name));
  });
}

/** All messages of the recordings, in order. What cannot be replayed is told to `skipped`. */
export async function* timedMessages(
  files: readonly string[],
  skipped: (file: string, line: number) => void = () => {},
): AsyncGenerator<TimedMessage> {
  let bareAt = 0;
  for (const file of files) {
    const ownership = new Ownership();
    const conventions = new Map<string, boolean>();
    for await (const { number, frame, recorded } of readRecording(file)) {
      if (recorded?.sent !== undefined) {
        const asked = requestedYesPrices(recorded.sent);
        if (asked !== null) conventions.set(recorded.conn, asked);
        continue;
      }
      if (frame === null) continue;
      const messages = recordedMessages(frame);
      if (messages === null) skipped(file, number);
      bareAt = recorded === null ? bareAt + BARE_DISTANCE : recorded.t;
      const useYesPrice = conventions.get(recorded?.conn ?? '') ?? false;
      for (const message of messages ?? []) {
        if (ownership.accepts(message, recorded?.conn ?? ''))
          yield { at: bareAt as Micros, message, useYesPrice };
      }
    }
  }
}
