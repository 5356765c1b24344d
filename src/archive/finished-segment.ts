import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { manifestPath, type SegmentManifest } from './segment-writer.ts';

const count = z.number().int().nonnegative();
const shape = z.object({
  lines: count,
  raw_bytes: count,
  bytes: count,
  first_received_at: count,
  last_received_at: count,
  sha256: z.string(),
});

/**
 * Gives a segment that is written to its end its manifest, and then its name. Both last through a loss of power from when
 * this resolves: until then the segment is an open one.
 *
 * @param part where it was written @throws Error of the file system
 */
export async function placeSegment(part: string, target: string, manifest: SegmentManifest): Promise<void> {
  const file = await open(manifestPath(target), 'w');
  try {
    await file.writeFile(JSON.stringify(manifest));
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(part, target);
  const directory = await open(dirname(target), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** @throws Error where it is not there, or is no manifest: a loss of power may leave an empty one. */
export async function readSegmentManifest(segment: string): Promise<SegmentManifest> {
  return shape.parse(JSON.parse(await readFile(manifestPath(segment), 'utf8'))) as SegmentManifest;
}
