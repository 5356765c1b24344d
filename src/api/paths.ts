import type { z } from 'zod';
import type { RowOf } from '../queries/output-column.ts';
import type { rowQueries } from './row-queries.ts';
import type { singleQueries } from './single-answers.ts';

type RowQueries = ReturnType<typeof rowQueries>[number];
type SingleQueries = ReturnType<typeof singleQueries>[number];

/** Paths that give rows. */
export type RowPath = RowQueries['path'];
/** Paths that give one answer. */
export type AnswerPath = SingleQueries['path'];

type QueryAt<Path> = Extract<RowQueries | SingleQueries, { readonly path: Path }>;

/** What is a text alone, also where the server makes a number of it. */
type TextAlone = 'every';

/** Values as the query string holds them, or as the server reads them: a time as microseconds, a count as a number. */
type Given<Schema extends z.ZodObject> = {
  readonly [Name in keyof z.input<Schema>]:
    | z.input<Schema>[Name]
    | (Name extends TextAlone ? never : Name extends keyof z.output<Schema> ? z.output<Schema>[Name] : never);
};

/** What may be asked of a path, by the schema that the server reads requests by; pages apart. */
export type ParametersAt<Path extends RowPath | AnswerPath> = Omit<
  Given<QueryAt<Path>['parameters']>,
  'cursor' | 'limit'
>;

/** A row of a path, by the columns that the server puts it together from. */
export type RowAt<Path extends RowPath> = RowOf<Extract<RowQueries, { readonly path: Path }>['columns']>;

/** The answer of a path. */
export type AnswerAt<Path extends AnswerPath> = Awaited<
  ReturnType<Extract<SingleQueries, { readonly path: Path }>['answer']>
>['body'];
