import type { Venue } from '../events/event.ts';
import type { FrameDecoder } from './decoder.ts';
import { venueDefinition } from './registration.ts';

/** A decoder of one venue's frames. Decoders keep no state between frames; one may serve any number of connections. */
export function createDecoder(venue: Venue): FrameDecoder {
  return venueDefinition(venue).decoder();
}
