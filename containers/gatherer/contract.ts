import { z } from 'zod';
import type { AwsCalls } from '#src/contract/aws-call.ts';

/** Environment of the gatherer's container: filled by its construct, read by its entry point. */
export const gathererEnvironmentSchema = z.object({
  GATHERER: z.enum(['a', 'b', 'c']),
  /** Path of the YAML configuration inside the image. */
  CONFIG_FILE: z.string().min(1),
  STREAM_NAME: z.string().min(1),
  RAW_BUCKET: z.string().min(1),
  CATALOGUE_TABLE: z.string().min(1),
  /** Spill journal and raw segments in progress; a volume that outlives the process where there is one. */
  DATA_DIRECTORY: z.string().min(1),
  HEALTH_HOST: z.string().default('127.0.0.1'),
  HEALTH_PORT: z.coerce.number().int().min(0).max(65535).default(8080),
  /** Seconds that a stop may take to drain; ECS kills after its own, longer limit. */
  STOP_SECONDS: z.coerce.number().positive().default(25),
  AWS_REGION: z.string().default('us-east-1'),
  /** Kalshi key from the environment, where no secret is configured: key id and PEM text, or a file of it. */
  KALSHI_KEY_ID: z.string().optional(),
  KALSHI_PRIVATE_KEY: z.string().optional(),
  KALSHI_PRIVATE_KEY_FILE: z.string().optional(),
  /** Endpoint overrides of the AWS SDK, set on a single machine only. */
  AWS_ENDPOINT_URL_KINESIS: z.string().optional(),
  AWS_ENDPOINT_URL_S3: z.string().optional(),
  AWS_ENDPOINT_URL_DYNAMODB: z.string().optional(),
});

export type GathererEnvironment = z.infer<typeof gathererEnvironmentSchema>;

/** Calls to AWS that the gatherer makes. */
export const gathererCalls: AwsCalls<typeof gathererEnvironmentSchema> = [
  { action: 'kinesis:PutRecords', on: { variables: ['STREAM_NAME'] } },
  { action: 's3:PutObject', on: { objectsOf: 'RAW_BUCKET' } },
  { action: 'dynamodb:BatchWriteItem', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 'dynamodb:Query', on: { variables: ['CATALOGUE_TABLE'] } },
  { action: 'secretsmanager:GetSecretValue', on: 'kalshiKey' },
];
