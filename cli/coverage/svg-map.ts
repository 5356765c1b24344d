import type { HeatCell, HeatMap } from '#src/coverage/heat-map.ts';
import { formatRfc3339, type Micros } from '#src/units/time.ts';

const CELL = 10;
const LABEL = 320;
const TOP = 46;
const LEGEND = [
  ['three lines prove it', '#1a7f37'],
  ['two lines', '#57ab5a'],
  ['one line', '#a7d7a9'],
  ['none alone', '#c9d1d9'],
  ['partly in a gap', '#d29922'],
  ['in a gap', '#cf222e'],
  ['not merged yet', '#8c959f'],
] as const;

function fill(cell: HeatCell): string {
  if (cell.isPending) return LEGEND[6][1];
  if (cell.inGap >= 1) return LEGEND[5][1];
  if (cell.inGap > 0) return LEGEND[4][1];
  return LEGEND[(3 - cell.proving) as 0 | 1 | 2 | 3][1];
}

/** Instruments are the venue's words: nothing in them may become markup. */
function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  // Characters that XML does not allow at all go first.
  return text
    .toWellFormed()
    .replaceAll(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, '\ufffd')
    .replaceAll(/[&<>"]/g, (character) => entities[character]!);
}

function shortened(text: string): string {
  return text.length <= 44 ? text : `${text.slice(0, 24)}…${text.slice(-19)}`;
}

/** Coverage as an SVG image: each cell tells its time, events and gap when pointed at. */
export function svgMap(map: HeatMap): string {
  const width = Math.max(LABEL + map.columns * CELL + 90, 900);
  const height = TOP + map.rows.length * CELL + 40;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="9">`,
    '<title>Coverage of the tape</title>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="4" y="14" font-size="12">Coverage from ${formatRfc3339(map.from)}, ${map.step / 60_000_000} min a column</text>`,
  ];
  LEGEND.forEach(([text, colour], index) => {
    const x = 4 + index * 124;
    parts.push(
      `<rect x="${x}" y="24" width="9" height="9" fill="${colour}"/><text x="${x + 12}" y="32">${text}</text>`,
    );
  });
  map.rows.forEach(({ venue, instrument, events, cells }, row) => {
    const y = TOP + row * CELL;
    parts.push(
      `<text x="4" y="${y + 8}">${escaped(`${venue} ${shortened(instrument)}`)}<title>${escaped(instrument)}</title></text>`,
    );
    cells.forEach((cell, column) => {
      if (cell === null) return;
      const at = formatRfc3339((map.from + column * map.step) as Micros);
      const told = `${at}: ${cell.events} events, ${cell.proving} lines prove it, ${Math.round(cell.inGap * 100)} % in a gap`;
      parts.push(
        `<rect x="${LABEL + column * CELL}" y="${y}" width="9" height="9" fill="${fill(cell)}"><title>${told}</title></rect>`,
      );
    });
    parts.push(`<text x="${LABEL + map.columns * CELL + 6}" y="${y + 8}">${events}</text>`);
  });
  if (map.leftOut > 0)
    parts.push(`<text x="4" y="${height - 12}">${map.leftOut} quieter instruments are not shown</text>`);
  parts.push('</svg>', '');
  return parts.join('\n');
}
