import { decodeCommand } from '../../cli/commands/decode.ts';
import { endWithReader } from '../../cli/terminal/output.ts';

// The command alone, as `tape` runs it.
endWithReader(() => false);
try {
  await decodeCommand().exitOverride().parseAsync();
} catch (error) {
  const { message, exitCode } = error as Error & { exitCode?: number };
  process.stderr.write(`tape: ${message}\n`);
  process.exitCode = exitCode ?? 1;
}
