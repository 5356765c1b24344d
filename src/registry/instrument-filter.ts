/** Patterns of what is captured; regular expressions, found anywhere in a label, case ignored. */
export interface FilterSettings {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/**
 * Says whether a market is captured: any `include` matches one of its labels (or there is none), and no `exclude`
 * does. A prefix is written with `^`.
 *
 * @throws SyntaxError for a pattern that is no regular expression
 */
export function instrumentFilter(settings: FilterSettings): (labels: readonly string[]) => boolean {
  const include = settings.include.map((pattern) => new RegExp(pattern, 'i'));
  const exclude = settings.exclude.map((pattern) => new RegExp(pattern, 'i'));
  const matches = (patterns: readonly RegExp[], labels: readonly string[]): boolean =>
    patterns.some((pattern) => labels.some((label) => pattern.test(label)));
  return (labels) => (include.length === 0 || matches(include, labels)) && !matches(exclude, labels);
}
