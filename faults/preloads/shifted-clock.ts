/**
 * Loaded into a gatherer before everything else: its wall clock goes wrong by the milliseconds that a file holds,
 * and right again when the file is gone. The file is the `file` of the module's address.
 */
import { readFileSync } from 'node:fs';

const LOOK_MILLIS = 100;
const file = new URL(import.meta.url).searchParams.get('file')!;
const RightDate = globalThis.Date;
let shift = 0;

function look(): void {
  try {
    shift = Number(readFileSync(file, 'utf8')) || 0;
  } catch {
    shift = 0;
  }
}

class ShiftedDate extends RightDate {
  constructor(...values: unknown[]) {
    if (values.length === 0) super(RightDate.now() + shift);
    else super(...(values as [number]));
  }

  static override now(): number {
    return RightDate.now() + shift;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;
look();
setInterval(look, LOOK_MILLIS).unref();
