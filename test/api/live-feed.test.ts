import { expect, it } from 'vitest';
import { LiveFeed } from '#src/api/live-feed.ts';
import { ApiProblem } from '#src/api/problem.ts';

const busy = new ApiProblem(503, 'busy', 'busy');

/** A feed whose pauses end only with their signal. */
function feedOf(read: () => Promise<number>) {
  const closing = new AbortController();
  const pauses: AbortSignal[] = [];
  const feed = new LiveFeed({
    read,
    everyMillis: 1_000,
    sleep: (_, signal) =>
      new Promise((_resolve, reject) => {
        pauses.push(signal!);
        signal!.addEventListener('abort', reject);
      }),
    problemOf: () => busy,
    closing: closing.signal,
  });
  return { feed, closing, pauses };
}

it('a feed that is closed reads no more, also while a follower takes nothing', async () => {
  const { feed, closing, pauses } = feedOf(async () => 7);
  const followed = feed.follow(new AbortController().signal);
  expect(await followed.next()).toEqual({ done: false, value: { value: 7 } });
  expect(pauses.map(({ aborted }) => aborted)).toEqual([false]);
  closing.abort();
  expect(pauses.map(({ aborted }) => aborted)).toEqual([true]);
  expect(await followed.next()).toEqual({ done: true, value: undefined });
  expect(feed.followers).toBe(0);
});

it('a feed tells everybody that follows why there is no value', async () => {
  const { feed, closing } = feedOf(() => Promise.reject(new Error('away')));
  const all = [1, 2].map(() => feed.follow(new AbortController().signal));
  for (const { value } of await Promise.all(all.map((one) => one.next())))
    expect(value).toEqual({ problem: busy });
  closing.abort();
});
