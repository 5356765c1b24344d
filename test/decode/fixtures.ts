import { readFileSync } from 'node:fs';
import type { Micros } from '#src/units/time.ts';
import type { DecodedFrame, DecodeProblem, FrameContext } from '#src/venues/decoder.ts';
import { venueDefinition } from '#src/venues/registration.ts';

export const RECEIVED = 1_795_187_046_000_000 as Micros;

export function fixturePath(name: string): string {
  return new URL(`../fixtures/decode/${name}`, import.meta.url).pathname;
}

export function fixtureLines(name: string): string[] {
  return readFileSync(fixturePath(name), 'utf8').trimEnd().split('\n');
}

/** The frames of a recording, without their envelope. */
export function recordedFrames(name: string): string[] {
  return fixtureLines(name).map((line) => (JSON.parse(line) as { frame: string }).frame);
}

const decoders = {
  kalshi: venueDefinition('kalshi').decoder(),
  polymarket: venueDefinition('polymarket').decoder(),
};

function textOf(frame: unknown): string {
  return typeof frame === 'string' ? frame : JSON.stringify(frame);
}

export function kalshi(frame: unknown, context: Partial<FrameContext> = {}): DecodedFrame {
  return decoders.kalshi.decode(textOf(frame), { received_at: RECEIVED, useYesPrice: false, ...context });
}

export function polymarket(frame: unknown): DecodedFrame {
  return decoders.polymarket.decode(textOf(frame), { received_at: RECEIVED, useYesPrice: false });
}

/** Reasons after which an event of the market may be missing. */
const HARMLESS = new Set([
  'unknown_type',
  'unknown_key',
  'unknown_value',
  'disagreement',
  'price_out_of_range',
  'empty',
]);

export const reasons = ({ problems }: DecodedFrame): string[] => problems.map(({ reason }) => reason);
export const losses = ({ problems }: DecodedFrame): readonly DecodeProblem[] =>
  problems.filter(({ reason }) => !HARMLESS.has(reason));
