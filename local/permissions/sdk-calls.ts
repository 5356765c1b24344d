import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ACCOUNT } from '../template/identities.ts';

/** A call to AWS as a policy sees it. */
export interface SdkCall {
  /** `service:Action`. */
  readonly action: string;
  readonly resource: string;
}

type Input = Readonly<Record<string, unknown>>;
type Arn = (service: string, resource: string) => string;

/** Commands whose action has another name. */
const ACTIONS: Readonly<Record<string, string>> = {
  's3:HeadObject': 's3:GetObject',
  's3:HeadBucket': 's3:ListBucket',
  's3:ListObjectsV2': 's3:ListBucket',
  's3:ListObjects': 's3:ListBucket',
  's3:CreateMultipartUpload': 's3:PutObject',
  's3:UploadPart': 's3:PutObject',
  's3:CompleteMultipartUpload': 's3:PutObject',
  's3:DeleteObjects': 's3:DeleteObject',
};

/** What each service's requests name. A request that names nothing is one about everything. */
const SERVICES: Readonly<
  Record<string, { readonly prefix: string; readonly resources: (input: Input, arn: Arn) => string[] }>
> = {
  Kinesis: {
    prefix: 'kinesis',
    resources: ({ StreamARN, StreamName }, arn) =>
      typeof StreamARN === 'string' ? [StreamARN] : [arn('kinesis', `stream/${String(StreamName ?? '*')}`)],
  },
  DynamoDB: {
    prefix: 'dynamodb',
    resources: ({ TableName, RequestItems }, arn) => {
      const tables =
        TableName === undefined ? Object.keys((RequestItems as Input | undefined) ?? {}) : [TableName];
      return tables.map((table) => arn('dynamodb', `table/${String(table)}`));
    },
  },
  S3: {
    prefix: 's3',
    resources: ({ Bucket, Key }) => [
      Key === undefined ? `arn:aws:s3:::${String(Bucket)}` : `arn:aws:s3:::${String(Bucket)}/${String(Key)}`,
    ],
  },
  'Secrets Manager': {
    prefix: 'secretsmanager',
    resources: ({ SecretId }, arn) => {
      const id = String(SecretId);
      return [id.startsWith('arn:') ? id : arn('secretsmanager', `secret:${id}-000000`)];
    },
  },
};

/**
 * The calls that a command makes, one per resource that it names.
 *
 * @param service the SDK's name of it, such as `DynamoDB`.
 * @param command such as `PutItemCommand`.
 */
export function callsOf(service: string, command: string, input: Input, region: string): SdkCall[] {
  const name = command.replace(/Command$/, '');
  const known = SERVICES[service];
  if (known === undefined) return [{ action: `${service.toLowerCase()}:${name}`, resource: '*' }];
  const action = `${known.prefix}:${name}`;
  const arn: Arn = (of, resource) => `arn:aws:${of}:${region}:${ACCOUNT}:${resource}`;
  return known.resources(input, arn).map((resource) => ({ action: ACTIONS[action] ?? action, resource }));
}

/** Objects are told apart by their first folder: a call for each would be told of otherwise. */
const kind = ({ action, resource }: SdkCall): string =>
  `${action} ${resource.startsWith('arn:aws:s3:::') ? resource.split('/').slice(0, 2).join('/') : resource}`;

interface AnyClient {
  readonly config: { readonly serviceId?: string };
  readonly middlewareStack: {
    add(
      middleware: (
        next: (args: { input: object }) => Promise<unknown>,
        context: { readonly commandName?: string },
      ) => (args: { input: object }) => Promise<unknown>,
      options: { readonly step: 'initialize'; readonly name: string },
    ): void;
  };
}

/**
 * From now on every client of the AWS SDK in this thread tells of the calls that it makes, each kind of call once.
 */
export function observeSdkCalls(region: string, tell: (call: SdkCall) => void): void {
  const told = new Set<string>();
  const observed = new WeakSet<object>();
  const observe = (client: AnyClient): void => {
    observed.add(client);
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const service = client.config.serviceId ?? 'unknown';
        for (const call of callsOf(service, context.commandName ?? '', args.input as Input, region)) {
          if (told.has(kind(call))) continue;
          told.add(kind(call));
          tell(call);
        }
        return await next(args);
      },
      { step: 'initialize', name: 'localRunCalls' },
    );
  };
  // The class that all clients extend; the SDK offers no hook for clients that somebody else makes.
  const base = Object.getPrototypeOf(SecretsManagerClient.prototype) as {
    send: (this: AnyClient, ...args: unknown[]) => unknown;
  };
  const { send } = base;
  base.send = function (this: AnyClient, ...args: unknown[]): unknown {
    if (!observed.has(this)) observe(this);
    return send.apply(this, args);
  };
}
