/**
 * Loaded into a gatherer before everything else: while a file is there, nothing more can be written anywhere, as on
 * a full disk. The file is the `file` of the module's address.
 */
import { existsSync } from 'node:fs';
import promises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const file = new URL(import.meta.url).searchParams.get('file')!;

function refuseWhenFull(): void {
  if (!existsSync(file)) return;
  throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', errno: -28 });
}

const { open, writeFile } = promises;

promises.open = async (...parameters: Parameters<typeof open>): Promise<FileHandle> => {
  const handle = await open(...parameters);
  for (const name of ['write', 'writev', 'writeFile', 'appendFile'] as const) {
    const write = handle[name].bind(handle) as (...values: unknown[]) => Promise<unknown>;
    Object.defineProperty(handle, name, {
      value: async (...values: unknown[]) => {
        refuseWhenFull();
        return await write(...values);
      },
    });
  }
  return handle;
};
promises.writeFile = async (...parameters: Parameters<typeof writeFile>): Promise<void> => {
  refuseWhenFull();
  await writeFile(...parameters);
};
syncBuiltinESMExports();
