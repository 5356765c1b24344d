import type { Venue } from '../events/event.ts';
import type { FrameDecoder } from './decoder.ts';
import { KalshiDecoder } from './kalshi/decode.ts';
import { sentUseYesPrice } from './kalshi/sent-convention.ts';
import { PolymarketDecoder } from './polymarket/decode.ts';

/** How each venue's frames are read: a further venue is one folder and one line in each table here. */
export const decoders: Readonly<Record<Venue, () => FrameDecoder>> = {
  kalshi: () => new KalshiDecoder(),
  polymarket: () => new PolymarketDecoder(),
};

const sentConventions: Readonly<Record<Venue, (command: string) => boolean | null>> = {
  kalshi: sentUseYesPrice,
  polymarket: () => null,
};

/** A decoder of one venue's frames. Decoders keep no state between frames; one may serve any number of connections. */
export function createDecoder(venue: Venue): FrameDecoder {
  return decoders[venue]();
}

/**
 * The price convention that a recorded command asked for on its connection (`FrameContext.useYesPrice`), or null
 * where the command says nothing about it.
 */
export function sentConvention(venue: Venue, command: string): boolean | null {
  return sentConventions[venue](command);
}
