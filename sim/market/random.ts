/**
 * Pseudo-random numbers that are the same for the same seed on every machine (sfc32, seeded through a 32-bit
 * mixing of the label). Not for secrets.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed a number, or a number and a label for one of several independent streams */
  constructor(seed: number, label = '') {
    let mixed = (seed ^ 0x9e3779b9) | 0;
    const next = (): number => {
      mixed = (mixed + 0x6d2b79f5) | 0;
      let t = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return (t ^ (t >>> 14)) | 0;
    };
    for (let index = 0; index < label.length; index++) {
      mixed = Math.imul(mixed ^ label.charCodeAt(index), 0x01000193);
      next();
    }
    this.#a = next();
    this.#b = next();
    this.#c = next();
    for (let round = 0; round < 12; round++) this.word();
  }

  /** 32 random bits as an unsigned integer. */
  word(): number {
    const t = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    return t >>> 0;
  }

  /** In [0, 1). */
  unit(): number {
    return this.word() / 4_294_967_296;
  }

  /** Whole number in [low, high]. */
  between(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.unit() * items.length)]!;
  }

  /** Waiting time of a process that happens `rate` times per unit of time. */
  exponential(rate: number): number {
    return -Math.log(1 - this.unit()) / rate;
  }

  /** Failures before the first success, at most `most`. */
  geometric(success: number, most: number): number {
    let count = 0;
    while (count < most && !this.chance(success)) count++;
    return count;
  }

  hex(digits: number): string {
    let text = '';
    while (text.length < digits) text += this.word().toString(16).padStart(8, '0');
    return text.slice(0, digits);
  }

  uuid(): string {
    const h = this.hex(32);
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20)}`;
  }
}
