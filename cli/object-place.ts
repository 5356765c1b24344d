import { DirectoryObjectStore } from '#src/archive/directory-object-store.ts';
import type { ObjectStore } from '#src/archive/object-store.ts';
import { S3ObjectStore, s3Client } from '#src/archive/s3-object-store.ts';
import { CommandFailure } from './terminal/failure.ts';

/**
 * A folder, or `s3://bucket`; the bucket with `AWS_REGION`, and `AWS_ENDPOINT_URL_S3` where it is not Amazon's.
 *
 * @param option by which it was given
 * @throws CommandFailure for a bucket with a path, or without its region
 */
export function objectPlace(place: string, option: string): ObjectStore {
  if (!place.startsWith('s3://')) return new DirectoryObjectStore(place);
  const bucket = /^s3:\/\/([^/]+)\/?$/.exec(place)?.[1];
  if (bucket === undefined) {
    throw new CommandFailure(
      `${option} takes a folder or s3://bucket, without a path: ${JSON.stringify(place)}`,
    );
  }
  const region = process.env['AWS_REGION'];
  if (region === undefined) throw new CommandFailure('set AWS_REGION to the region of the bucket');
  const endpoint = process.env['AWS_ENDPOINT_URL_S3'];
  return new S3ObjectStore(
    s3Client({ region, ...(endpoint === undefined || endpoint === '' ? {} : { endpoint }) }),
    bucket,
  );
}
