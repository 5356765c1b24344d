import type { TableDefinition } from './table-definition.ts';

/** Frames exactly as received; `segmentKey` in `src/archive/segment-name.ts` gives the objects their keys. */
export const rawTable: TableDefinition = {
  name: 'raw_frames',
  description: 'Frames exactly as the venues sent them, and the commands sent to them',
  format: 'json-lines',
  prefix: 'raw/',
  partitionKeys: [
    { name: 'venue', kind: 'names', values: ['kalshi', 'polymarket'] },
    { name: 'gatherer', kind: 'names', values: ['a', 'b', 'c'] },
    { name: 'date', kind: 'day' },
    { name: 'hour', kind: 'hour' },
  ],
  columns: [
    { name: 't', type: 'bigint', comment: 'receive time, microseconds' },
    { name: 'conn', type: 'string', comment: 'connection and its epoch' },
    {
      name: 'frame',
      type: 'string',
      comment: 'text as received; what was JSON is written anew by the reader, with the same content',
    },
    { name: 'sent', type: 'string', comment: 'command that this side sent' },
    { name: 'binary', type: 'string', comment: 'a binary frame, base64' },
  ],
};
