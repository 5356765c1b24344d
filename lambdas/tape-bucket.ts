import { S3ObjectStore, s3Client } from '#src/archive/s3-object-store.ts';

/** The bucket of the tape's files, or its stand-in. */
export function tapeBucket(environment: {
  readonly TAPE_BUCKET: string;
  readonly AWS_REGION: string;
  readonly AWS_ENDPOINT_URL_S3?: string | undefined;
}): S3ObjectStore {
  const { TAPE_BUCKET: bucket, AWS_REGION: region, AWS_ENDPOINT_URL_S3: endpoint } = environment;
  return new S3ObjectStore(
    s3Client({ region, ...(endpoint === undefined || endpoint === '' ? {} : { endpoint }) }),
    bucket,
  );
}
