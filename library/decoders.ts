import type { Venue } from '#src/events/event.ts';
import type { FrameDecoder } from '#src/venues/decoder.ts';
import { venueDefinition } from '#src/venues/registration.ts';

/** A decoder of a venue's socket frames. It keeps nothing between frames and never throws. */
export function decoderOf(venue: Venue): FrameDecoder {
  return venueDefinition(venue).decoder();
}
