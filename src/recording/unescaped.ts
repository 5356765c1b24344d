import type { RecordedLine } from '../capture/recording.ts';
import type { Micros } from '../units/time.ts';

/** Everything before the content; an object or a list follows at once. */
const HEAD = /^\{"t":(-?\d{1,16}),"conn":("(?:[^"\\]|\\.)*"),"(frame|sent)":(?=[[{])/;

/**
 * A recorded line whose content stands in it as it came, and not as a JSON string: all that is between the head and
 * the brace that ends the line, byte for byte, sound JSON or not. Null for any other line.
 */
export function unescapedLine(text: string): RecordedLine | null {
  const head = HEAD.exec(text);
  if (head === null) return null;
  const [before, time, name, kind] = head as unknown as [string, string, string, 'frame' | 'sent'];
  const t = Number(time);
  const content = text.slice(before.length, -1);
  const closing = content.startsWith('{') ? '}' : ']';
  if (!text.endsWith('}') || content.length < 2 || !content.endsWith(closing) || !Number.isSafeInteger(t))
    return null;
  const conn = connectionOf(name);
  if (conn === null) return null;
  return kind === 'frame'
    ? { t: t as Micros, conn, frame: content }
    : { t: t as Micros, conn, sent: content };
}

function connectionOf(name: string): string | null {
  if (!name.includes('\\')) return name.slice(1, -1);
  try {
    return JSON.parse(name) as string;
  } catch {
    return null;
  }
}
