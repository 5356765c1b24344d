/**
 * A call to AWS that a program makes, declared beside its environment. The program names what it calls by the
 * variable that names it, so that a role is held against the very resources that the program was given.
 */
export interface AwsCall<Variable extends string> {
  /** As policies write it: `service:Action`. */
  readonly action: `${string}:${string}`;
  /**
   * Variables whose values name the resources; one that is optional and not set calls nothing. `objectsOf` is for
   * what lies in a bucket. `kalshiKey` is the secret that the configuration names, where it names one.
   */
  readonly on: { readonly variables: readonly Variable[] } | { readonly objectsOf: Variable } | 'kalshiKey';
}

/** Calls of a program whose environment has a schema. */
export type AwsCalls<Schema extends { readonly shape: object }> = readonly AwsCall<
  keyof Schema['shape'] & string
>[];
