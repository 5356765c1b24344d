import { decodeCommand } from '../../cli/commands/decode.ts';

// The command alone, as `tape` runs it.
process.stdout.on('error', () => process.exit(0));
try {
  await decodeCommand().exitOverride().parseAsync();
} catch (error) {
  const { message, exitCode } = error as Error & { exitCode?: number };
  process.stderr.write(`tape: ${message}\n`);
  process.exitCode = exitCode ?? 1;
}
