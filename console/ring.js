/** The last so many readings of several series at common times. Takes the same memory for ever. */
export class Ring {
  #size;
  #times;
  #series;
  #next = 0;
  #length = 0;

  constructor(series, size) {
    this.#size = size;
    this.#times = new Float64Array(size);
    this.#series = Array.from({ length: series }, () => new Float64Array(size).fill(Number.NaN));
  }

  get length() {
    return this.#length;
  }

  /** @param time seconds since the epoch. @param values null where there is none. */
  add(time, values) {
    this.#times[this.#next] = time;
    for (const [index, series] of this.#series.entries()) series[this.#next] = values[index] ?? Number.NaN;
    this.#next = (this.#next + 1) % this.#size;
    this.#length = Math.min(this.#length + 1, this.#size);
  }

  /** Oldest first, as plots take them: times, then each series with null where there is nothing. */
  columns() {
    const first = (this.#next - this.#length + this.#size) % this.#size;
    const column = (values) =>
      Array.from({ length: this.#length }, (_, index) => {
        const value = values[(first + index) % this.#size];
        return Number.isNaN(value) ? null : value;
      });
    return [column(this.#times), ...this.#series.map(column)];
  }
}
