/**
 * Waits the given milliseconds. Rejects with the signal's reason when it is aborted first. Passed in wherever
 * something waits, so that tests need no real time.
 */
export type Sleep = (millis: number, signal?: AbortSignal) => Promise<void>;

/** Longest delay that a Node timer keeps; a longer one would fire at once. */
const MAX_TIMER_MILLIS = 2_147_483_647;

/** Sleeps by a real timer. */
export const systemSleep: Sleep = (millis, signal) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      Math.min(Math.max(0, millis), MAX_TIMER_MILLIS),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
