import type { StreamLine } from '#src/events/captured.ts';
import type { StreamRecord } from '#src/stream/record-stream.ts';
import type { Micros } from '#src/units/time.ts';

/** A small stream line that can be told from every other: its lane and its number there. */
export function numberedLine(lane: string, number: number, received_at: number): StreamLine {
  return {
    kind: 'heartbeat',
    gatherer: 'a',
    epoch: `${lane}:${number}`,
    lane: 0,
    lanes: 1,
    started_at: 0 as Micros,
    durable_until: received_at as Micros,
  };
}

/** `[lane, number]` of every numbered line in a record's data; checks that each line is whole. */
export function numbersIn(data: Uint8Array): (readonly [lane: string, number: number])[] {
  const text = Buffer.from(data).toString('utf8');
  if (!text.endsWith('\n')) throw new Error('a record must end with a newline');
  return text
    .slice(0, -1)
    .split('\n')
    .filter((line) => (JSON.parse(line) as { kind: string }).kind !== 'record_end')
    .map((line) => {
      const [lane, number] = (JSON.parse(line) as { epoch: string }).epoch.split(':');
      return [lane!, Number(number)] as const;
    });
}

/** A record as a stream keeps it: once it is taken, its memory is the sender's again. */
export function kept(record: StreamRecord): StreamRecord {
  return { ...record, data: Uint8Array.from(record.data) };
}
