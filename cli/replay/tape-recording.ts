import { existsSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ClientBase } from 'pg';
import { EncodedRecording } from '#src/replay/encoded-recording.ts';
import { RecordingWriter } from '#src/replay/recording-writer.ts';
import { type EventSpan, marketsOfInstruments, TapeEvents } from '#src/storage/production/tape-events.ts';
import { defaultRules } from '#src/tape/rules.ts';
import { Progress } from '../queries/progress.ts';
import { CommandFailure } from '../terminal/failure.ts';
import { clearedAtEnd } from '../terminal/leftovers.ts';

/** How often the writing may catch up, and the clock is asked. */
const EVENTS_PER_TURN = 1_000;

/**
 * Where a file is written until it is whole, and the place that it takes then. The part is in the same folder, so that it
 * can take its place at once, and is named like the file that was asked for, so that it is compressed by that name. A
 * pipe or a device is written to as it is, by the name given: what such a link points to need not be a path.
 */
function placesOf(file: string): { readonly part: string; readonly place: string } {
  if (!existsSync(file)) return { part: partIn(dirname(file), file), place: file };
  if (!statSync(file).isFile()) return { part: file, place: file };
  const place = realpathSync(file);
  return { part: partIn(dirname(place), file), place };
}

const partIn = (folder: string, file: string): string =>
  join(folder, `.${process.pid}.part-${basename(file)}`);

/**
 * Writes a span of the tape as a raw recording in the venues' own words. The file is there whole or not at all.
 *
 * @returns how many frames there are
 * @throws CommandFailure when there is nothing, or the disk does not take it
 */
export async function recordTape(client: ClientBase, span: EventSpan, file: string): Promise<number> {
  const failed: { error: Error | null } = { error: null };
  const markets = await marketsOfInstruments(client);
  const { part, place } = placesOf(file);
  const clear = (): void => {
    if (part !== place) rmSync(part, { force: true });
  };
  const done = clearedAtEnd(clear);
  const writer = new RecordingWriter(part, (error) => {
    failed.error = error;
  });
  const recording = new EncodedRecording(writer, (instrument) => markets.get(instrument) ?? instrument);
  const progress = new Progress('events');
  let events = 0;
  try {
    await new TapeEvents(client, span, defaultRules).each((event) => {
      recording.add(event);
      if (++events % EVENTS_PER_TURN !== 0) return;
      progress.at(events);
      if (failed.error !== null) throw failed.error;
      return writer.written();
    });
    recording.flush();
    await writer.close();
    if (recording.frames === 0) throw new CommandFailure('the tape has nothing of that span');
    if (part !== place) renameSync(part, place);
    return recording.frames;
  } catch (error) {
    if (error === failed.error) throw new CommandFailure(`cannot write ${file}: ${(error as Error).message}`);
    throw error;
  } finally {
    progress.end();
    clear();
    done();
  }
}
