import { isHeardByOthers } from './leftovers.ts';

/** Writes, and waits where the reader is slower; does not wait for one that has gone. */
export async function written(stream: NodeJS.WritableStream, text: string): Promise<void> {
  if (text === '' || stream.write(text)) return;
  // Called behind what waits, and also where that can never be written; an event would come in the first case alone.
  await new Promise<void>((resolve) => stream.write('', () => resolve()));
}

function whenReaderGoes(stream: NodeJS.WriteStream, then: () => void): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    then();
  });
}

/**
 * A reader that has seen enough (`| head`) closes the pipe; that is no error. Whoever reads the complaints may go without
 * a word. When nobody reads the output any more, a command ends quietly whose output is all that it does; one that has
 * to put things in order before it ends listens for SIGTERM and gets it.
 *
 * @param goesOn whether the command does more than it prints, and has to be done with it all the same
 */
export function endWithReader(goesOn: () => boolean): void {
  whenReaderGoes(process.stderr, () => {});
  whenReaderGoes(process.stdout, () => {
    if (goesOn()) return;
    if (isHeardByOthers('SIGTERM')) process.kill(process.pid, 'SIGTERM');
    else process.exit();
  });
}
