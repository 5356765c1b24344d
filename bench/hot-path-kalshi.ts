import { KalshiDecoder } from '#src/venues/kalshi/decode.ts';
import { hotPathRows } from './hot-path.ts';
import { kalshiFrames } from './inputs/simulated-frames.ts';
import type { Subject } from './row.ts';

const FRAMES = 80_000;
const MARKETS = 1_200;

export const subject: Subject = {
  name: 'hot-path-kalshi',
  run: (extent) => {
    const [frames] = kalshiFrames(FRAMES, MARKETS, 1);
    const decoder = new KalshiDecoder();
    return hotPathRows('kalshi', frames!, (frame, context) => decoder.decodeAny(frame, context), extent);
  },
};
