import { afterEach, describe, expect, it } from 'vitest';
import { createKeeper } from '#src/capture/keeper.ts';
import type { ConnectionEpoch } from '#src/capture/line.ts';
import { BookHashEvidence } from '#src/venues/polymarket/book-hash-evidence.ts';
import { PolymarketDecoder } from '#src/venues/polymarket/decode.ts';
import { PolymarketRest } from '#src/venues/polymarket/rest.ts';
import { SMALL, type Stage, stage } from '../sim/support.ts';

let running: Stage | null = null;
afterEach(async () => {
  await running?.stop();
  running = null;
});

describe('a line that holds the simulated venue’s hashes against its books', () => {
  it('proves every book it is sent and books of its own, before their trades are told and after', async () => {
    const settings = { ...SMALL, resends: 0.2, rate: 200 };
    const scene = await stage({ settings });
    running = scene;
    const { simulation, clock } = scene;
    const tokens = [...simulation.polymarket.tokens.keys()];
    const hashes = new BookHashEvidence();
    const rest = new PolymarketRest({
      baseUrl: simulation.ready.polymarket!.clob,
      clock: clock.read,
      sleep: async () => {},
      random: () => 0,
      hashes,
    });
    const fetched = await rest.books(tokens);
    expect(fetched.hashes).toEqual({ matched: tokens.length, unmatched: 0, not_checkable: 0 });

    const keeper = createKeeper({
      venue: 'polymarket',
      gatherer: 'a',
      epoch: 'e',
      clock: clock.read,
      decoder: new PolymarketDecoder(hashes),
      proofs: hashes,
      sink: { accept: () => {} },
      snapshotInterval: 0,
      snapshotDepth: 1,
      anchorInterval: 0,
    });
    const connection: ConnectionEpoch = { venue: 'polymarket', name: 'market-1#1', useYesPrice: false };
    keeper.bind(connection, 0, tokens);
    const client = await scene.polymarket();
    client.send({ assets_ids: tokens, type: 'market', custom_feature_enabled: true });
    for (let step = 0, taken = 0; step < 150; step++) {
      scene.play(0.2);
      await client.settle();
      for (; taken < client.frames.length; taken++)
        keeper.frame(connection, client.frames[taken]!, clock.read());
    }
    simulation.polymarket.printTrades();
    scene.play(2);
    await client.settle();
    const figures = hashes.figures();
    expect(figures).toMatchObject({
      socket_unmatched: 0,
      socket_not_checkable: 0,
      rest_unmatched: 0,
      change_unmatched: 0,
    });
    expect(figures.socket_matched).toBeGreaterThan(100 + tokens.length);
    expect(figures.change_matched).toBeGreaterThan(20);
    expect(hashes.unmatched()).toEqual([]);
  });
});
