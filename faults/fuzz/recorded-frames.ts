import { readFileSync } from 'node:fs';
import type { Venue } from '#src/events/event.ts';

const FOLDER = new URL('../../test/fixtures/decode/', import.meta.url);

function lines(name: string): string[] {
  return readFileSync(new URL(name, FOLDER), 'utf8').trimEnd().split('\n');
}

/** Frames of every kind that venues send or sent: recorded ones, and those of the documentation. */
export function recordedFrames(venue: Venue): readonly string[] {
  if (venue === 'polymarket') return lines('polymarket-frames.jsonl');
  const recorded = lines('kalshi-deltas-2026-03-20.jsonl').map(
    (line) => (JSON.parse(line) as { frame: string }).frame,
  );
  return [...lines('kalshi-documented.jsonl'), ...recorded];
}
