import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseSegmentFileName } from '../archive/segment-name.ts';
import type { RecordingPart } from '../recording/in-order.ts';
import { RecordingError, type RecordingLine, readRecording } from '../recording/read-recording.ts';
import type { Micros } from '../units/time.ts';

/** A line of a recording with where it stands. */
export interface PlacedLine extends RecordingLine {
  readonly file: string;
}

/** Files of a recording that were written one after the other. */
export interface RecordedFiles extends RecordingPart<PlacedLine> {
  /** Whether a line of the system wrote them, which always records what it asks a venue for. */
  readonly isArchived: boolean;
}

/**
 * The recordings at the given paths: files, and what lies in folders, by name.
 *
 * @throws RecordingError where they are of more than one line: each recorded every message of the venues
 */
export function recordingFiles(paths: readonly string[]): string[] {
  const isRecording = (name: string): boolean => /\.(jsonl|ndjson)(\.gz|\.zst)?$/.test(name);
  const files = paths.flatMap((path) => {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter(isRecording)
      .sort()
      .map((name) => join(path, name));
  });
  const folders = files.flatMap((file) => /(?:^|[\\/])(gatherer=[^\\/]+)[\\/]/.exec(file)?.[1] ?? []);
  const lines = [...new Set(folders)].sort();
  if (lines.length > 1) {
    throw new RecordingError(
      `${paths.join(', ')}: recordings of several lines (${lines.join(', ')}), each of which has every message; name the folders of one`,
    );
  }
  return files;
}

/** The files as parts that can be merged: segments of one group of connections are one, every other file is its own. */
export async function recordedFiles(files: readonly string[]): Promise<RecordedFiles[]> {
  const groups = new Map<string, { file: string; start: Micros }[]>();
  const parts: RecordedFiles[] = [];
  const timeless: string[] = [];
  for (const file of files) {
    const segment = parseSegmentFileName(basename(file));
    if (segment !== null) {
      const key = `${segment.group} ${segment.epoch}`;
      const group = groups.get(key) ?? [];
      groups.set(key, group);
      group.push({ file, start: segment.start });
      continue;
    }
    const begin = await beginOf(file);
    if (begin === null) timeless.push(file);
    else parts.push({ begin, isArchived: false, lines: () => linesOf([file]) });
  }
  for (const group of groups.values()) {
    group.sort((left, right) => left.start - right.start);
    const own = group.map(({ file }) => file);
    parts.push({ begin: group[0]!.start, isArchived: true, lines: () => linesOf(own) });
  }
  for (const file of timeless)
    parts.push({ begin: Number.POSITIVE_INFINITY, isArchived: false, lines: () => linesOf([file]) });
  return parts;
}

/** Receive time of the first line that can be read; null where it has none. */
async function beginOf(file: string): Promise<Micros | null> {
  for await (const { recorded, fault } of readRecording(file)) {
    if (fault === undefined) return recorded?.t ?? null;
  }
  return null;
}

async function* linesOf(files: readonly string[]): AsyncGenerator<PlacedLine> {
  for (const file of files) for await (const line of readRecording(file)) yield { ...line, file };
}
