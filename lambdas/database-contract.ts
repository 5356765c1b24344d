import { z } from 'zod';
import type { AwsCall } from '#src/contract/aws-call.ts';

/** The databases of the system, as variables name them. */
export type DatabaseVariable = 'PRODUCTION' | 'LINE_A' | 'LINE_B' | 'LINE_C';

const location = z.string().min(1).optional();

/** Where the tape's database is: exactly one of the two. */
export const productionDatabase = {
  PRODUCTION_DATABASE_URL: location,
  PRODUCTION_DATABASE_SECRET: location,
};

/** Where the databases of the tape and of the lines are: of each, exactly one of URL and secret. */
export const allDatabases = {
  ...productionDatabase,
  LINE_A_DATABASE_URL: location,
  LINE_A_DATABASE_SECRET: location,
  LINE_B_DATABASE_URL: location,
  LINE_B_DATABASE_SECRET: location,
  LINE_C_DATABASE_URL: location,
  LINE_C_DATABASE_SECRET: location,
};

/** Where one of them is. */
export type DatabaseEnvironment<Name extends DatabaseVariable> = Readonly<
  Partial<Record<`${Name}_DATABASE_URL` | `${Name}_DATABASE_SECRET`, string | undefined>>
>;

/** Whether exactly one variable says where each of these databases is. */
export const foundOnce =
  <Name extends DatabaseVariable>(...names: readonly Name[]) =>
  (values: DatabaseEnvironment<Name>): boolean =>
    names.every(
      (name) =>
        (values[`${name}_DATABASE_URL`] === undefined) !== (values[`${name}_DATABASE_SECRET`] === undefined),
    );

/** Says that exactly one variable has to tell where each of `allDatabases` is, for `refine`. */
export const allFoundOnce = [
  foundOnce('PRODUCTION', 'LINE_A', 'LINE_B', 'LINE_C'),
  {
    error:
      'expected exactly one of DATABASE_URL and DATABASE_SECRET for each of PRODUCTION, LINE_A, LINE_B, LINE_C',
  },
] as const;

/** What a program that reaches `allDatabases` asks of Secrets Manager. */
export const allDatabaseSecrets = {
  action: 'secretsmanager:GetSecretValue',
  on: {
    variables: [
      'PRODUCTION_DATABASE_SECRET',
      'LINE_A_DATABASE_SECRET',
      'LINE_B_DATABASE_SECRET',
      'LINE_C_DATABASE_SECRET',
    ],
  },
} as const satisfies AwsCall<keyof typeof allDatabases>;
