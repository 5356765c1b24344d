import type { Command } from 'commander';

/** What a command writes to standard output, run with these arguments. */
export async function outputOf(command: Command, ...values: string[]): Promise<string> {
  const write = process.stdout.write;
  let text = '';
  process.stdout.write = ((chunk: string) => {
    text += chunk;
    return true;
  }) as typeof process.stdout.write;
  try {
    await command.exitOverride().parseAsync(values, { from: 'user' });
  } finally {
    process.stdout.write = write;
  }
  return text;
}

/** One object per line. */
export const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
