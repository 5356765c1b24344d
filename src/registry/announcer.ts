import type { Micros } from '../units/time.ts';
import type { CatalogueMarket, RegistryListener } from './catalogue.ts';

/**
 * Gathers what happened to instruments and tells it in one call per kind. What cancels out before it was told is
 * not told; a listener that throws does not keep the others from hearing.
 */
export class Announcer {
  readonly #listeners: readonly RegistryListener[];
  readonly #pending = new Map<string, boolean>();
  /** By when their trading had ended, those that are over. */
  readonly #over = new Map<Micros, string[]>();
  readonly #failed: (error: unknown) => void;

  constructor(listeners: readonly RegistryListener[], failed: (error: unknown) => void) {
    this.#listeners = listeners;
    this.#failed = failed;
  }

  captured(instruments: readonly string[], on: boolean): void {
    for (const instrument of instruments) {
      if (this.#pending.get(instrument) === !on) this.#pending.delete(instrument);
      else this.#pending.set(instrument, on);
    }
  }

  over(instruments: readonly string[], since: Micros): void {
    const others = this.#over.get(since);
    if (others === undefined) this.#over.set(since, [...instruments]);
    else others.push(...instruments);
  }

  flush(): void {
    if (this.#pending.size === 0 && this.#over.size === 0) return;
    const opened: string[] = [];
    const closed: string[] = [];
    for (const [instrument, on] of this.#pending) (on ? opened : closed).push(instrument);
    this.#pending.clear();
    if (closed.length > 0) this.#tell((listener) => listener.closed(closed));
    // After the word that they are captured no longer.
    const over = [...this.#over];
    this.#over.clear();
    for (const [since, instruments] of over) this.#tell((listener) => listener.over?.(instruments, since));
    if (opened.length > 0) this.#tell((listener) => listener.opened(opened));
  }

  changed(market: CatalogueMarket): void {
    this.#tell((listener) => listener.changed(market));
  }

  progress(progress: Parameters<RegistryListener['progress']>[0]): void {
    this.#tell((listener) => listener.progress(progress));
  }

  #tell(call: (listener: RegistryListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        call(listener);
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}
