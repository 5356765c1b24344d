import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';
import { readRecording } from '#src/recording/read-recording.ts';
import { playEvents } from '#src/replay/event-playback.ts';
import { RecordingWriter } from '#src/replay/recording-writer.ts';
import { systemClock } from '#src/units/time.ts';
import { kalshiSigner } from '#src/venues/kalshi/signing.ts';
import { Replay } from '../sim/replay/replay.ts';
import { type ConnectionFrames, kalshiFrames } from './inputs/simulated-frames.ts';
import { type Contender, measure, rateRow } from './measure.ts';
import type { Row, Subject } from './row.ts';

const FRAMES = 60_000;
const MARKETS = 600;
const SOCKET_PATH = '/trade-api/ws/v2';

async function recordingOf({ frames }: ConnectionFrames, file: string): Promise<void> {
  const writer = new RecordingWriter(file, (error) => {
    throw error;
  });
  // What the connection asked for: book levels are in YES prices.
  writer.sent(frames[0]!.at, 'k', '{"id":1,"cmd":"subscribe","params":{"use_yes_price":true}}');
  for (const { at, text } of frames) writer.received(at, 'k', text);
  await writer.close();
}

/** Messages to one client that has subscribed everything, and events to a loop, beside reading the file alone. */
export const subject: Subject = {
  name: 'replay',
  run: async (extent) => {
    const directory = await mkdtemp(join(tmpdir(), 'bench-replay-'));
    const file = join(directory, 'kalshi.jsonl');
    const [input] = kalshiFrames(FRAMES, MARKETS, 1);
    await recordingOf(input!, file);
    const pair = generateKeyPairSync('ed25519');
    const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const clock = systemClock();
    const kalshiKey = { id: 'bench', publicKey: pair.publicKey };
    const replay = await Replay.start({
      paths: [file],
      speed: 'max',
      clock,
      kalshiKey,
      waitSubscriptions: 99,
    });
    const headers = { ...kalshiSigner('bench', privateKey, clock)('GET', SOCKET_PATH) };
    const client = new WebSocket(replay.ready.kalshi!.ws, { headers, perMessageDeflate: false });
    await new Promise((resolve) => client.once('open', resolve));
    const subscribe = (id: number, channels: string[], market_tickers: readonly string[]): void =>
      client.send(JSON.stringify({ id, cmd: 'subscribe', params: { channels, market_tickers } }));
    let arrived = 0;
    client.on('message', () => arrived++);
    subscribe(1, ['orderbook_delta'], input!.instruments);
    subscribe(2, ['ticker', 'trade'], input!.instruments);
    while ([...replay.listeners.kalshi!.index('ticker').of(input!.instruments[0]!)].length === 0)
      await new Promise((resolve) => client.once('message', resolve));
    const ours: Contender = {
      name: 'replay to a client',
      run: async () => {
        arrived = 0;
        const before = replay.status().delivered;
        replay.seek(input!.frames[0]!.at);
        await new Promise((resolve) => setImmediate(resolve));
        while (replay.state !== 'ended' || arrived < replay.status().delivered - before)
          await new Promise((resolve) => setTimeout(resolve, 1));
        return arrived;
      },
    };
    const events: Contender = {
      name: 'events to a loop',
      run: async () => {
        let count = 0;
        for await (const _ of playEvents([file])) count++;
        return count;
      },
    };
    const reading: Contender = {
      name: 'reading and JSON.parse',
      run: async () => {
        let count = 0;
        for await (const { frame } of readRecording(file)) {
          if (frame !== null && JSON.parse(frame) !== null) count++;
        }
        return count;
      },
    };
    const rates = await measure([ours, events, reading], extent.rounds);
    client.terminate();
    await replay.stop();
    await rm(directory, { recursive: true, force: true });
    const described = { reach: null, unit: 'messages/s of CPU' };
    return [ours, events].map(
      ({ name }): Row => rateRow(rates, name, reading.name, { ...described, name: `replay at max, ${name}` }),
    );
  },
};
