import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Synthesized } from './synthesized.ts';

const page = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8');

/** Stacks that there are three of count as one. */
const kindOf = (stack: string): string => stack.replace(/-[abc]$/, '');

it('the architecture page draws the stacks, and what each needs, as they are', () => {
  const [, diagram] = /## On AWS[\s\S]*?```mermaid\n([\s\S]*?)```/.exec(page)!;
  const drawn = [...diagram!.matchAll(/^ {2}(\w+) --> (\w+)$/gm)].map(
    ([, from, to]) => `${from} needs ${to}`,
  );
  const listed = [...diagram!.matchAll(/^ {4}(\w+)$/gm)].map(([, stack]) => stack!);
  const { dependencies } = Synthesized.of('demo');
  const real = [...dependencies].flatMap(([stack, needed]) =>
    needed.map((other) => `${kindOf(stack)} needs ${kindOf(other)}`),
  );
  expect(drawn.sort()).toEqual([...new Set(real)].sort());
  expect(listed.sort()).toEqual([...new Set([...dependencies.keys()].map(kindOf))].sort());
});
