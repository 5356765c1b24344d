import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CommandFailure } from '../terminal/failure.ts';

/**
 * Runs one of the product's processes to its end, with the terminal's signals passed on. Its lines on standard
 * output go through `show`; what it says on standard error goes through as it is.
 *
 * @param module path from the repository's root
 * @throws CommandFailure when it ends with an error; it has then said why
 */
export async function runModule(
  module: string,
  parameters: readonly string[],
  show: (line: string) => string | null,
): Promise<void> {
  const path = fileURLToPath(new URL(`../../${module}`, import.meta.url));
  const child = spawn(process.execPath, [path, ...parameters], { stdio: ['ignore', 'pipe', 'pipe'] });
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', pass);
  process.on('SIGTERM', pass);
  const errors: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    errors.push(line);
    if (errors.length > 1) process.stderr.write(`${errors.shift()}\n`);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const text = show(line);
    if (text !== null) process.stdout.write(`${text}\n`);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit, signal) => resolve(signal === null ? exit : null));
  });
  process.off('SIGINT', pass);
  process.off('SIGTERM', pass);
  const last = errors.join('\n');
  if (code !== 0) throw new CommandFailure(last.replace(/^tape [a-z]+: /, '') || `${module} ended early`);
  if (last !== '') process.stderr.write(`${last}\n`);
}

interface ReadyLine {
  readonly ready?: boolean;
  readonly kalshi?: { readonly rest: string; readonly ws: string };
  readonly polymarket?: { readonly clob: string; readonly gamma: string; readonly ws: string };
  readonly control?: string;
  readonly stream?: string;
  readonly key?: { readonly id: string; readonly private_key_file?: string };
}

/** A ready line for a person; null for a line that is none. */
export function describeReady(line: string): string | null {
  if (!line.startsWith('{"ready":true')) return null;
  const { kalshi, polymarket, control, stream, key } = JSON.parse(line) as ReadyLine;
  return [
    ...(kalshi === undefined
      ? []
      : [`Kalshi REST          ${kalshi.rest}`, `Kalshi WebSocket     ${kalshi.ws}`]),
    ...(kalshi === undefined || key === undefined
      ? []
      : [
          `Kalshi key           ${key.id}${key.private_key_file === undefined ? '' : `, private key in ${key.private_key_file}`}`,
        ]),
    ...(polymarket === undefined
      ? []
      : [
          `Polymarket CLOB      ${polymarket.clob}`,
          `Polymarket Gamma     ${polymarket.gamma}`,
          `Polymarket WebSocket ${polymarket.ws}`,
        ]),
    `control              ${control}`,
    ...(stream === undefined ? [] : [`events               ${stream}`]),
  ].join('\n');
}

/** `--name value` for every option that was given. */
export function passOn(options: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  );
}
