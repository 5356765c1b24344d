import { isReached, type Row } from './row.ts';

const THOUSAND = 1_000;

/** A figure as a person reads it: three digits and a unit of thousands. */
function figure(value: number): string {
  for (const [scale, suffix] of [
    [1e9, ' G'],
    [1e6, ' M'],
    [THOUSAND, ' k'],
  ] as const) {
    if (value >= scale) return `${(value / scale).toPrecision(3)}${suffix}`;
  }
  return value.toPrecision(3);
}

const ratio = (value: number): string => value.toFixed(2);

function cells(row: Row): string[] {
  const { spread, reach } = row;
  return [
    row.name,
    figure(row.ours),
    `${figure(row.peer)} (${row.peerName})`,
    row.unit ?? '',
    ratio(row.ratio),
    spread === undefined || spread === null ? '' : `${ratio(spread[0])} to ${ratio(spread[1])}`,
    reach === null ? '' : ratio(reach),
    reach === null ? '' : isReached(row) ? 'yes' : '**no**',
  ];
}

const HEAD = ['figure', 'ours', 'beside it', 'unit', 'ratio', 'middle half', 'reach', 'reached'];

/** A Markdown table, which also reads well in a terminal. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...lines.map((line) => line[column]!.length)));
  const text = lines.map(
    (line) => `| ${line.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`,
  );
  text.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  return text.join('\n');
}

/** The rows as a Markdown table. */
export function table(rows: readonly Row[]): string {
  return markdownTable(HEAD, rows.map(cells));
}

/** The rows that were asked for a figure, in few words, a group of rows in one line. */
export function shortTable(rows: readonly Row[]): string {
  const asked = rows.filter(({ reach }) => reach !== null);
  const groups = Map.groupBy(asked, ({ name, group }) => group ?? name);
  const lines = [...groups].map(([name, members]) => {
    const ratios = members.map((row) => row.ratio);
    const least = ratio(Math.min(...ratios));
    const greatest = ratio(Math.max(...ratios));
    const peers = [...new Set(members.map(({ peerName }) => peerName))].join(', ');
    const range = least === greatest ? least : `${least} to ${greatest}`;
    return `| ${name} | ${peers} | ${range} | ${ratio(members[0]!.reach!)} |`;
  });
  return ['| what | compared with | ratio | asked |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

/** What `--json` prints: exactly the fields that readers of it rely on. */
export function jsonLine(rows: readonly Row[]): string {
  return JSON.stringify({
    rows: rows.map(({ name, ours, peer, peerName, ratio, reach, lowerIsBetter }) => ({
      name,
      ours,
      peer,
      peerName,
      ratio,
      reach,
      lowerIsBetter,
    })),
  });
}

/**
 * The document with what stands between its markers `<!-- NAME:begin -->` and `<!-- NAME:end -->` replaced.
 *
 * @throws Error when it has no such markers.
 */
export function withSection(document: string, name: string, content: string): string {
  const begin = `<!-- ${name}:begin -->`;
  const end = `<!-- ${name}:end -->`;
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the document has no section between ${begin} and ${end}`);
  return `${document.slice(0, from + begin.length)}\n${content}\n${document.slice(to)}`;
}
