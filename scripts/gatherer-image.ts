/**
 * Puts together what the image of the gatherer is built from, as a deployment does:
 *
 *   node scripts/gatherer-image.ts DIRECTORY && docker build DIRECTORY
 */
import { assembleGathererImage } from '../lib/gatherer-image.ts';

const [directory] = process.argv.slice(2);
if (directory === undefined) {
  process.stderr.write('usage: node scripts/gatherer-image.ts DIRECTORY\n');
  process.exit(2);
}
assembleGathererImage(directory);
