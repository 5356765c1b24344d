/** Calls `action` once after `millis` milliseconds unless the returned function is called before. */
export type After = (millis: number, action: () => void) => () => void;

/** The process's own timer. */
export const systemAfter: After = (millis, action) => {
  const timer = setTimeout(action, millis);
  return () => clearTimeout(timer);
};
