import { PolymarketDecoder } from '#src/venues/polymarket/decode.ts';
import { hotPathRows } from './hot-path.ts';
import { polymarketFrames } from './inputs/simulated-frames.ts';
import type { Subject } from './row.ts';

const FRAMES = 40_000;
const MARKETS = 600;

export const subject: Subject = {
  name: 'hot-path-polymarket',
  run: (extent) => {
    const decoder = new PolymarketDecoder();
    const frames = polymarketFrames(FRAMES, MARKETS);
    return hotPathRows('polymarket', frames, (frame, context) => decoder.decodeAny(frame, context), extent);
  },
};
