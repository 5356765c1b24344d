import { type Clock, MICROS_PER_MINUTE } from '../units/time.ts';

interface Window {
  begunAt: number;
  shown: number;
  suppressed: number;
}

export interface RepeatLimiterOptions {
  readonly clock: Clock;
  /** Shown of one kind within a window; 10 by default. */
  readonly shown?: number;
  /** Microseconds; one minute by default. */
  readonly window?: number;
  /** Kinds remembered at once; 1,000 by default. */
  readonly kinds?: number;
}

/** Lets the first few of every kind through in each window and counts the rest. */
export class RepeatLimiter {
  readonly #clock: Clock;
  readonly #shown: number;
  readonly #window: number;
  readonly #kinds: number;
  readonly #windows = new Map<string, Window>();

  constructor(options: RepeatLimiterOptions) {
    this.#clock = options.clock;
    this.#shown = options.shown ?? 10;
    this.#window = options.window ?? MICROS_PER_MINUTE;
    this.#kinds = options.kinds ?? 1_000;
  }

  /** Null when this one is not to be shown; else how many of its kind were suppressed before it. */
  admit(kind: string): number | null {
    const now = this.#clock();
    let window = this.#windows.get(kind);
    let suppressed = 0;
    if (window === undefined || now - window.begunAt >= this.#window || now < window.begunAt) {
      suppressed = window?.suppressed ?? 0;
      if (window === undefined && this.#windows.size >= this.#kinds) this.#forgetOldest();
      window = { begunAt: now, shown: 0, suppressed: 0 };
      this.#windows.set(kind, window);
    }
    if (window.shown >= this.#shown) {
      window.suppressed++;
      return null;
    }
    window.shown++;
    return suppressed;
  }

  /** Kinds whose window is over while some were suppressed, each told once. */
  takeOverdue(): { readonly kind: string; readonly suppressed: number }[] {
    const now = this.#clock();
    const overdue = [];
    for (const [kind, window] of this.#windows) {
      if (now - window.begunAt < this.#window) continue;
      this.#windows.delete(kind);
      if (window.suppressed > 0) overdue.push({ kind, suppressed: window.suppressed });
    }
    return overdue;
  }

  #forgetOldest(): void {
    const [oldest] = this.#windows.keys();
    if (oldest !== undefined) this.#windows.delete(oldest);
  }
}
