import type { Configuration } from '#src/config/schema.ts';
import { type Venue, venueNames } from '#src/events/event.ts';
import { keyVariables } from '#src/venues/environment-key.ts';
import type { VenueKey } from '#src/venues/venue.ts';
import type { StandInEndpoints } from '../stand-ins/main.ts';
import type { TemplateContainer } from './containers.ts';
import { projectPath } from './project-path.ts';
import type { DatabaseName, DatabaseSecrets } from './secrets.ts';
import { ADDRESS, addressVariable } from './venue-addresses.ts';

/** Keys of the venues that need one, for whoever asks them by REST. */
export type LocalKeys = Readonly<Partial<Record<Venue, VenueKey>>>;

/** What this machine has in the place of AWS. */
export interface LocalMachine {
  readonly region: string;
  readonly endpoints: StandInEndpoints;
  /** What each database secret of the templates is the way to, and where that is here. */
  readonly databaseSecrets: DatabaseSecrets;
  readonly databaseUrls: Readonly<Record<DatabaseName, string>>;
  readonly keys: LocalKeys;
  /** The run's configuration, with the addresses of its own venues. */
  readonly configuration: Configuration;
}

/** What only a gatherer's process has. */
export interface GathererPlace {
  readonly configurationFile: string;
  readonly dataDirectory: string;
  /** Settings of the run's venues: addresses that the configuration takes in, and the key. */
  readonly venues: Readonly<Record<string, string>>;
}

type Variables = Readonly<Record<string, string>>;

/** One respect in which the environment of a program differs from its template. */
export interface Substitution {
  /** The variables that it may change, add or take away. */
  readonly variables: RegExp;
  readonly reason: string;
  readonly apply: (variables: Variables, machine: LocalMachine, place: GathererPlace | null) => Variables;
}

const without = (variables: Variables, gone: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).filter(([name]) => !gone(name)));

/** Replaces those of the given variables that the template sets. */
const replaced = (variables: Variables, values: Variables): Variables => ({
  ...variables,
  ...without(values, (name) => !(name in variables)),
});

/** An address of this machine at which nobody answers. */
const NOWHERE = 'http://127.0.0.1:1';

/** What begins the variables of any venue. */
const PREFIXES = `(${venueNames.map((venue) => venue.toUpperCase()).join('|')})`;

const PRELOAD = new URL('../permissions/preload.ts', import.meta.url).href;

/**
 * Every difference between the environment of a program on this machine and the one in its template.
 *
 * Beside these: memory and processor sizes are not imposed; a container runs as a process of its module; a shard
 * has one reader, whatever parallelization its mapping asks for; a schedule keeps to the seconds of the
 * configuration, which the scheduler has to round up to minutes, and waits for an execution that is still going.
 */
export const SUBSTITUTIONS: readonly Substitution[] = [
  {
    variables: /^AWS_(ENDPOINT_URL(_\w+)?|REGION|ACCESS_KEY_ID|SECRET_ACCESS_KEY|EC2_METADATA_DISABLED)$/,
    reason:
      'the services are stand-ins at addresses of this machine, which take one fixed pair of keys; a call to any other service must fail rather than leave the machine',
    apply: (variables, { region, endpoints }) => ({
      ...variables,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: 'S3RVER',
      AWS_SECRET_ACCESS_KEY: 'S3RVER',
      AWS_ENDPOINT_URL: NOWHERE,
      AWS_ENDPOINT_URL_KINESIS: endpoints.kinesis,
      AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
      AWS_ENDPOINT_URL_S3: endpoints.s3,
      AWS_EC2_METADATA_DISABLED: 'true',
    }),
  },
  {
    variables: /^(\w+_)?DATABASE_(SECRET|URL)$/,
    reason: 'the databases of this machine have no TLS and no Secrets Manager beside them',
    apply: (variables, { databaseSecrets, databaseUrls }) =>
      Object.fromEntries(
        Object.entries(variables).map(([name, value]) => {
          const database = name.endsWith('DATABASE_SECRET') ? databaseSecrets[value] : undefined;
          return database === undefined
            ? [name, value]
            : [name.replace(/SECRET$/, 'URL'), databaseUrls[database]];
        }),
      ),
  },
  {
    variables: new RegExp(`^(${PREFIXES}_\\w+_URL|VENUES)$`),
    reason: 'a simulated or replayed run has its own venues, and a recording may hold one only',
    apply: (variables, { configuration: { venues } }) =>
      replaced(variables, {
        ...Object.fromEntries(
          venueNames.flatMap((venue) =>
            Object.entries(venues[venue])
              .filter(([key]) => ADDRESS.test(key))
              .map(([key, address]) => [addressVariable(venue, key), String(address)]),
          ),
        ),
        VENUES: venueNames.filter((venue) => venues[venue].enabled).join(','),
      }),
  },
  {
    variables: new RegExp(`^${PREFIXES}_(KEY_ID|PRIVATE_KEY)$`),
    reason:
      'the key of a simulated or replayed venue is made by the run, that for a real one comes from the user: neither lies in a secret',
    apply: (variables, { keys }) => {
      const own: Record<string, string> = {};
      for (const venue of venueNames) {
        const key = keys[venue];
        const prefix = addressVariable(venue, '');
        const asks = Object.keys(variables).some((name) => name.startsWith(prefix) && name.endsWith('_URL'));
        if (key === undefined || !asks) continue;
        const { id, text } = keyVariables(venue);
        Object.assign(own, { [id]: key.keyId, [text]: key.privateKey });
      }
      return { ...variables, ...own };
    },
  },
  {
    variables: /^(NODE_EXTRA_CA_CERTS|MIGRATIONS_DIRECTORY)$/,
    reason: 'these files are in the Lambda runtime and in the bundle of the function',
    apply: (variables) =>
      without(
        replaced(variables, { MIGRATIONS_DIRECTORY: projectPath('migrations') }),
        (name) => name === 'NODE_EXTRA_CA_CERTS',
      ),
  },
  {
    variables: /^(CONFIG_FILE|DATA_DIRECTORY|HEALTH_PORT)$/,
    reason: 'a process has no image, no volume and no address of its own',
    apply: (variables, _, place) =>
      place === null
        ? variables
        : replaced(variables, {
            CONFIG_FILE: place.configurationFile,
            DATA_DIRECTORY: place.dataDirectory,
            HEALTH_PORT: '0',
          }),
  },
  {
    variables: new RegExp(`^${PREFIXES}_[A-Z_]+$`),
    reason: 'the configuration of this machine takes the addresses of its venues from the environment',
    apply: (variables, _, place) => (place === null ? variables : { ...variables, ...place.venues }),
  },
  {
    variables: /^NODE_OPTIONS$/,
    reason: 'the run hears of the calls to AWS that a container makes',
    apply: (variables, _, place) =>
      place === null
        ? variables
        : { ...variables, NODE_OPTIONS: `${variables['NODE_OPTIONS'] ?? ''} --import ${PRELOAD}`.trim() },
  },
];

/** The environment that a function has on this machine. */
export function functionEnvironment(variables: Variables, machine: LocalMachine): Variables {
  return SUBSTITUTIONS.reduce((sofar, { apply }) => apply(sofar, machine, null), variables);
}

/** The environment that a gatherer's container has on this machine. */
export function gathererEnvironment(
  { environment }: TemplateContainer,
  machine: LocalMachine,
  place: GathererPlace,
): Variables {
  return SUBSTITUTIONS.reduce((sofar, { apply }) => apply(sofar, machine, place), environment);
}
