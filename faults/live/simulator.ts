/** The simulated exchange of a run, by its control interface. */
export class Simulator {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  async #post(path: string, body: unknown = {}): Promise<unknown> {
    const response = await fetch(`${this.#base}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`the simulator refuses ${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Faults from here on, in the words of `tape sim --faults`; `none` ends them. */
  async faults(specification: string): Promise<void> {
    await this.#post('/control/faults', { spec: specification });
  }

  /** One fault at once on a connection, or on all of the venue. */
  async once(fault: string, venue: 'kalshi' | 'polymarket', connection?: number): Promise<void> {
    await this.#post('/control/faults', {
      once: { fault, venue, ...(connection === undefined ? {} : { connection }) },
    });
  }

  /** How often a fault has happened on both venues so far. */
  async happened(fault: string): Promise<number> {
    const response = await fetch(`${this.#base}/control/status`, { signal: AbortSignal.timeout(20_000) });
    const { faults } = (await response.json()) as { faults: Record<string, Record<string, number>> };
    return Object.values(faults).reduce((sum, counts) => sum + (counts[fault] ?? 0), 0);
  }

  /** On both venues markets come, close, pause, get another grid: one of each. @returns how many there are by now. */
  async stir(): Promise<number> {
    const { kalshi, polymarket } = (await this.#post('/control/stir')) as Record<
      'kalshi' | 'polymarket',
      { markets: number }
    >;
    return kalshi.markets + polymarket.markets;
  }

  async restart(): Promise<void> {
    await this.#post('/control/restart');
  }

  async pause(): Promise<void> {
    await this.#post('/control/pause');
  }

  async resume(): Promise<void> {
    await this.#post('/control/resume');
  }
}
