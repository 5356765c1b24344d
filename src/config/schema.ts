import { z } from 'zod';
import { LONGEST_CONNECTION_SECONDS, LONGEST_SEGMENT_SECONDS } from '../archive/look-back.ts';
import { eventTables } from '../storage/tables.ts';

/** Numbers may come out of `${VAR}` as text; anything that is not wholly a number is refused. */
const number = z.union(
  [
    z.number(),
    z
      .string()
      .regex(/^-?\d+(\.\d+)?$/)
      .transform(Number),
  ],
  {
    error: 'expected a number',
  },
);
const positive = number.pipe(z.number().positive());
const wholePositive = number.pipe(z.number().int().positive());
const whole = number.pipe(z.number().int().nonnegative());
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')], {
  error: 'expected true or false',
});
const url = (protocols: readonly string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    error: `expected a URL starting with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  });
const httpUrl = url(['https:', 'http:']);
const websocketUrl = url(['wss:', 'ws:']);
const pattern = z.string().refine(
  (text) => {
    try {
      new RegExp(text);
      return true;
    } catch {
      return false;
    }
  },
  { error: 'expected a regular expression' },
);

/** Which instruments are captured: a market is in when any `include` matches (or there is none) and no `exclude` does. */
const filter = z.strictObject({
  include: z.array(pattern).default([]),
  exclude: z.array(pattern).default([]),
});

const registry = z.strictObject({
  full_interval_seconds: wholePositive.default(300),
  incremental_interval_seconds: wholePositive.default(30),
  /** A market closed by its clock is still captured for this long, because late events occur. */
  close_grace_seconds: whole.default(60),
});

/** Part of the venue's published limits for one process: three gatherers may leave through one address. */
const rateShare = number.pipe(z.number().positive().max(1, { error: 'expected at most 1' })).default(0.3);

const kalshi = z.strictObject({
  enabled: flag.default(true),
  rest_url: httpUrl,
  websocket_url: websocketUrl,
  /** Name of the secret that holds `{"key_id": …, "private_key": PEM}`; empty: taken from the environment. */
  key_secret: z.string().default(''),
  /** Asks for NO levels in YES prices. Always sent explicitly, because the venue will change its default. */
  use_yes_price: flag.default(false),
  /** Multivariate (combo) markets: about a million a day. */
  combos: flag.default(false),
  filter: filter.prefault({}),
  rate_share: rateShare,
  connections: z
    .strictObject({
      book: wholePositive.default(144),
      ticker: wholePositive.default(2),
      trade: wholePositive.default(2),
      lifecycle: wholePositive.default(2),
    })
    .prefault({}),
  instruments_per_connection: wholePositive.default(7_500),
  /** A further book connection is opened only when the open ones hold this many each. */
  minimum_per_connection: wholePositive.default(400),
  registry: registry.prefault({}),
});

const polymarket = z.strictObject({
  enabled: flag.default(true),
  clob_url: httpUrl,
  gamma_url: httpUrl,
  websocket_url: websocketUrl,
  filter: filter.prefault({}),
  rate_share: rateShare,
  /** Beyond 500 the venue accepts the subscription and never sends the initial books. */
  instruments_per_connection: wholePositive.pipe(z.number().max(500)).default(200),
  registry: registry.prefault({}),
});

const capture = z.strictObject({
  /** Levels per side of the periodic engine snapshots. */
  snapshot_depth: wholePositive.default(20),
  snapshot_interval_seconds: positive.default(60),
  /** How often a changed book gets a whole, exactly timed snapshot from which the tape is rebuilt. */
  anchor_interval_seconds: positive.default(300),
  first_event_deadline_seconds: positive.default(30),
  stall_seconds: positive.default(60),
  /** Connections are replaced at this age, one at a time, the new one first; raw frames are searched no further back. */
  connection_max_age_seconds: positive.pipe(z.number().max(LONGEST_CONNECTION_SECONDS)).default(14_400),
});

const stream = z.strictObject({
  lanes: wholePositive.default(16),
  linger_milliseconds: wholePositive.default(100),
  max_events_per_record: wholePositive.pipe(z.number().max(500)).default(500),
  memory_limit_mebibytes: wholePositive.default(256),
  max_in_flight: wholePositive.default(4),
});

const recorder = z.strictObject({
  flush_interval_seconds: positive.default(5),
  /** Raw frames are searched no further back for the segment that holds them. */
  segment_seconds: positive.pipe(z.number().max(LONGEST_SEGMENT_SECONDS)).default(300),
  segment_mebibytes: wholePositive.default(64),
});

/** Seconds between the starts of a job. The alarms of one that starts less than once a day could not look back so far. */
const jobInterval = positive.pipe(z.number().max(86_400));

const merge = z.strictObject({
  interval_seconds: jobInterval.default(60),
  rows_per_run: wholePositive.default(50_000),
});

const snapshot_poll = z.strictObject({
  enabled: flag.default(true),
  interval_seconds: jobInterval.default(900),
  kalshi_requests_per_second: positive.default(10),
  polymarket_requests_per_second: positive.default(10),
});

/** Days of the tape as files, in the bucket for it. */
const tapeExport = z.strictObject({
  enabled: flag.default(true),
  /** How often it is seen whether a day is settled, or has become another since it was exported. */
  interval_seconds: jobInterval.default(3_600),
  /** Days before today that are looked at. */
  days: wholePositive.default(7),
  /** Beyond it a table, day and venue goes into several files, each made by a function of its own; at most 120 of them. */
  rows_per_file: wholePositive.pipe(z.number().min(100_000)).default(4_000_000),
});

const audit = z.strictObject({
  enabled: flag.default(true),
  interval_seconds: jobInterval.default(3_600),
  /** What one function audits at a time: less than a quarter of an hour's work. */
  span_seconds: wholePositive.default(600),
  /** Spans that are younger and were not audited yet are. */
  hours: wholePositive.default(24),
});

/** Days that rows are kept: of tables that are not named, `every`. 0 is for ever. */
const keptDays = (tables: readonly string[], every: number) =>
  z.strictObject({
    every: whole.default(every),
    ...Object.fromEntries(tables.map((table) => [table, whole.optional()])),
  } as { every: z.ZodDefault<typeof whole> } & Record<string, z.ZodOptional<typeof whole>>);
const eventTableNames = eventTables.map(({ name }) => name);

const retention = z.strictObject({
  enabled: flag.default(true),
  interval_seconds: jobInterval.default(86_400),
  /** Says what it would drop, and drops nothing. */
  dry_run: flag.default(false),
  /** Of the lines' databases; only what is on the tape goes. */
  line_days: keptDays(eventTableNames, 14).prefault({}),
  /** Of the tape's database; only what is in files goes. `coverage` goes after the events that it counts. */
  tape_days: keptDays([...eventTableNames, 'coverage'], 90).prefault({}),
});

/** One of each for every line. */
const ofEachLine = <Value extends z.ZodType>(value: Value) =>
  z.strictObject({ a: value, b: value, c: value });

const lineDatabase = z
  .strictObject({
    /** A machine with ARM processors: the image is built for them. */
    instance_class: z.string().min(1).default('r7g.large'),
    storage_gibibytes: wholePositive.pipe(z.number().min(20).max(65_536)).default(500),
    iops: wholePositive.pipe(z.number().min(3_000).max(80_000)).default(3_000),
    throughput_mebibytes: wholePositive.pipe(z.number().min(125).max(2_000)).default(250),
    detailed_monitoring: flag.default(true),
    /** A snapshot a day is kept this long; 0 makes none. */
    backup_days: whole.pipe(z.number().max(365)).default(14),
    /** A volume that was made from a snapshot, in the line's zone, in place of the stack's own. */
    restored_volumes: ofEachLine(
      z
        .string()
        .regex(/^vol-[0-9a-f]{8,17}$/, { error: 'expected the id of a volume, vol-…' })
        .optional(),
    ).prefault({}),
    /** Databases that somebody else runs, in place of machines of our own. */
    managed: z
      .strictObject({
        /** Each holds `{"host", "port", "username", "password", "dbname"}`, and `"ca"` where Node does not know it. */
        secrets: ofEachLine(
          z.string().regex(/^arn:[\w-]+:secretsmanager:[\w-]+:\d{12}:secret:.+-\w{6}$/, {
            error: 'expected the whole ARN of a secret',
          }),
        ),
        /** Addresses that they answer on. */
        network: z.cidrv4({ error: 'expected an IPv4 network, such as 10.20.0.0/16' }),
        port: wholePositive.pipe(z.number().max(65_535)).default(5_432),
      })
      .optional(),
  })
  .prefault({});

/** Sizes and safeguards of the AWS deployment. A single machine takes shards, batches and time limits from it. */
const deployment = z.strictObject({
  region: z.string().min(1).default('us-east-1'),
  /** Databases, buckets and streams survive the removal of their stacks. */
  retain_data: flag.default(true),
  termination_protection: flag.default(true),
  nat_gateways: wholePositive.pipe(z.number().max(3)).default(3),
  /** Kinesis, Secrets Manager, logs and image registry are reached inside the network, not through the NAT gateways. */
  interface_endpoints: flag.default(true),
  log_retention_days: number
    .pipe(z.union([1, 3, 5, 7, 14, 30, 60, 90, 180, 365].map((days) => z.literal(days))))
    .default(30),
  stream: z
    .strictObject({
      mode: z.enum(['on_demand', 'provisioned']).default('on_demand'),
      /** Provisioned only. */
      shards: wholePositive.default(4),
      /** How long the writer may be away before a line loses what only its stream has. */
      retention_hours: wholePositive.pipe(z.number().min(24).max(8_760)).default(72),
    })
    .prefault({}),
  gatherer: z
    .strictObject({
      cpu: wholePositive.default(2048),
      memory_mebibytes: wholePositive.default(8192),
      /** Spill journal and raw segments in progress. */
      data_gibibytes: wholePositive.pipe(z.number().min(21).max(200)).default(100),
      /** For draining at a stop; the service ends a container after 120 s whatever it does. */
      stop_seconds: wholePositive.pipe(z.number().max(100)).default(90),
    })
    .prefault({}),
  writer: z
    .strictObject({
      memory_mebibytes: wholePositive.default(1024),
      batch_size: wholePositive.pipe(z.number().max(10_000)).default(100),
      batching_window_seconds: whole.pipe(z.number().max(300)).default(1),
      timeout_seconds: wholePositive.pipe(z.number().min(20).max(900)).default(60),
    })
    .prefault({}),
  line_database: lineDatabase,
  /** Delivery of what a line captured to the lake: larger objects are cheaper to read, and come later. */
  lake: z
    .strictObject({
      buffer_seconds: wholePositive.pipe(z.number().min(60).max(900)).default(900),
      /** Conversion to Parquet takes no less than 64. */
      buffer_mebibytes: wholePositive.pipe(z.number().min(64).max(128)).default(128),
    })
    .prefault({}),
  /** A query over the archive that would read more is ended. */
  query: z.strictObject({ scan_limit_gibibytes: wholePositive.default(1_024) }).prefault({}),
  production: z
    .strictObject({
      instance_class: z.string().min(1).default('m7g.large'),
      storage_gibibytes: wholePositive.pipe(z.number().min(20)).default(400),
      /** Storage grows by itself up to here. */
      storage_limit_gibibytes: wholePositive.default(4_000),
      multi_az: flag.default(true),
      backup_days: whole.pipe(z.number().max(35)).default(14),
      performance_insights: flag.default(true),
      /** The password is changed this often; 0 leaves it. */
      password_rotation_days: whole.default(30),
    })
    .refine(({ storage_gibibytes, storage_limit_gibibytes }) => storage_limit_gibibytes > storage_gibibytes, {
      path: ['storage_limit_gibibytes'],
      error: 'expected more than storage_gibibytes',
    })
    .prefault({}),
  jobs: z.strictObject({ memory_mebibytes: wholePositive.default(1024) }).prefault({}),
  /** Told by every alarm; empty: nobody. Whoever is named has to confirm once. */
  alarm_email: z.string().default(''),
  /** Of everything that has the environment's tag; a warning comes at 80 % and when the forecast exceeds it. */
  monthly_budget_dollars: wholePositive.default(1_000),
});

/** Everything that may differ between environments. Every key of `config/*.yaml` is described in `docs/configuration.md`. */
export const configurationSchema = z
  .strictObject({
    environment: z.enum(['local', 'demo', 'prod']),
    venues: z.strictObject({ kalshi, polymarket }),
    capture: capture.prefault({}),
    stream: stream.prefault({}),
    recorder: recorder.prefault({}),
    merge: merge.prefault({}),
    snapshot_poll: snapshot_poll.prefault({}),
    export: tapeExport.prefault({}),
    audit: audit.prefault({}),
    retention: retention.prefault({}),
    deployment: deployment.prefault({}),
    log_level: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  })
  .superRefine(
    ({ export: { days: exported }, audit: { hours }, retention: { line_days, tape_days } }, context) => {
      // What is looked at again has to be there still.
      const needed = Math.max(exported, Math.ceil(hours / 24)) + 1;
      for (const [name, kept] of Object.entries({ line_days, tape_days })) {
        for (const [table, days] of Object.entries(kept)) {
          if (days === undefined || days === 0 || days >= needed) continue;
          context.addIssue({
            code: 'custom',
            path: ['retention', name, table],
            message: `expected 0 or at least ${needed}: export and audit look back so far`,
          });
        }
      }
    },
  );

export type Configuration = z.infer<typeof configurationSchema>;
