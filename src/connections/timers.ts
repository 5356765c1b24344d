/** The only timers that connections use; passed in so that tests turn the time themselves. */
export interface Timers {
  /** Calls `action` about every `millis` milliseconds until the returned function is called. */
  every(millis: number, action: () => void): () => void;
  /** Calls `action` once after `millis` milliseconds unless the returned function is called before. */
  after(millis: number, action: () => void): () => void;
}

/** The process's own timers. */
export const systemTimers: Timers = {
  every: (millis, action) => {
    const timer = setInterval(action, millis);
    return () => clearInterval(timer);
  },
  after: (millis, action) => {
    const timer = setTimeout(action, millis);
    return () => clearTimeout(timer);
  },
};
