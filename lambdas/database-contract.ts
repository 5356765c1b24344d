import { z } from 'zod';

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
