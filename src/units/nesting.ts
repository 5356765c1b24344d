/** No venue nests what it sends deeper than ten. What walks through a value step by step gives up far beyond. */
export const DEEPEST = 100;

/** Whether a JSON value from outside is nested so deeply that writing it down again may exhaust the stack. */
export function isNestedDeeply(value: unknown, left = DEEPEST): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (left === 0) return true;
  for (const key in value)
    if (isNestedDeeply((value as Readonly<Record<string, unknown>>)[key], left - 1)) return true;
  return false;
}
