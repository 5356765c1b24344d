import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { loadConfiguration } from '#src/config/load.ts';
import { publishedMetrics } from '#src/telemetry/published-metrics.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(`${root}${file}`, 'utf8');
const pages = readdirSync(`${root}docs/runbooks`).filter((file) => file !== 'README.md');

/** Every word of the project's own that a page shows as code, blocks of the shell left out. */
const shown = (page: string): string[] =>
  [
    ...read(`docs/runbooks/${page}`)
      .replace(/```[\s\S]*?```/g, '')
      .matchAll(/`([^`]+)`/g),
  ].map(([, text]) => text!);

const sourcesBelow = (folder: string): string =>
  readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => read(`${folder}/${file}`))
    .join('\n');

const running = ['src', 'lambdas', 'containers'].map(sourcesBelow).join('\n');
/** What running code says as it stands there, without what comes in between. */
const said = new Set([...running.matchAll(/['`]([^'`\n]+)['`]/g)].map(([, text]) => text!));
/** The texts of a type that is a choice of texts. */
const choicesOf = (type: string, file: string): ReadonlySet<string> =>
  new Set(
    [
      ...read(file)
        .split(`export type ${type}`)[1]!
        .split(';\n')[0]!
        .matchAll(/'(\w+)'/g),
    ].map(([, choice]) => choice!),
  );
const causes = choicesOf('GapCause', 'src/events/event.ts');
const findings = choicesOf('FindingKind', 'src/audit/finding.ts');
const metrics = new Set<string>([
  ...Object.values(publishedMetrics).flatMap(({ units }) => Object.keys(units)),
  ...[...running.matchAll(/['`](tape_\w+)['`]/g)].map(([, name]) => name!),
]);

const configuration: unknown = loadConfiguration(`${root}config/prod.yaml`, {});

/** Options that a command has by itself or from the shell, as `--name`. */
const optionsOf = (command: Command): Map<string, boolean> =>
  new Map(command.options.map(({ long, required }) => [long!, required]));

async function commands(): Promise<Map<string, Command>> {
  const made = new Map<string, Command>();
  for (const file of readdirSync(`${root}cli/commands`)) {
    const module = (await import(`${root}cli/commands/${file}`)) as Record<string, unknown>;
    for (const [name, make] of Object.entries(module)) {
      if (!/Command$/.test(name) || typeof make !== 'function' || /^[A-Z]/.test(name)) continue;
      const command: unknown = make(name === 'upCommand' ? '0' : undefined);
      if (command instanceof Command) made.set(command.name(), command);
    }
  }
  return made;
}

/** Words of a command line; a quoted one is one word. */
const words = (line: string): string[] =>
  [...line.matchAll(/"[^"]*"|\S+/g)].map(([word]) => word.replaceAll('"', ''));

describe('the commands of runbooks', () => {
  it('are accepted as they are written', async () => {
    const known = await commands();
    expect(known.size).toBeGreaterThan(15);
    let tried = 0;
    for (const page of pages) {
      for (const line of shown(page).filter((text) => /^tape [a-z]/.test(text))) {
        const [, first, ...rest] = words(line);
        let command = known.get(first!);
        expect(command, `${page}: ${line}`).toBeDefined();
        const sub = command!.commands.find((candidate) => candidate.name() === rest[0]);
        if (sub !== undefined) {
          command = sub;
          rest.shift();
        }
        // A command by its name alone is spoken of, not given.
        if (rest.length === 0) continue;
        tried++;
        const options = optionsOf(command!);
        const given = new Set<string>();
        let operands = 0;
        for (let at = 0; at < rest.length; at++) {
          const word = rest[at]!;
          if (!word.startsWith('--')) {
            operands++;
            continue;
          }
          expect([...options.keys()], `${page}: ${line}`).toContain(word);
          given.add(word);
          if (options.get(word) === true) expect(rest[++at], `${page}: ${line}`).not.toMatch(/^(--|$)/);
        }
        expect(operands, `${page}: ${line}`).toBeLessThanOrEqual(command!.registeredArguments.length);
        for (const { long, mandatory } of command!.options)
          if (mandatory) expect([...given], `${page}: ${line}`).toContain(long);
      }
    }
    expect(tried).toBeGreaterThan(12);
  });
});

describe.each(pages)('%s', (page) => {
  const tokens = shown(page);

  it('names only metrics, causes and findings that there are', () => {
    const prefixed =
      /^(line|venue|tape|merge|writer|export|audit|retention|snapshot_poll|row|gap|not)_[a-z_0-9]+$/;
    for (const token of tokens.filter((text) => prefixed.test(text)))
      expect(metrics.has(token) || causes.has(token) || findings.has(token), token).toBe(true);
    for (const [, list] of read(`docs/runbooks/${page}`).matchAll(
      /\b[Cc]auses?(?: [a-z ]+)? \(?((?:`\w+`(?:, )?)+)/g,
    ))
      for (const [, cause] of list!.matchAll(/`(\w+)`/g)) expect([...causes]).toContain(cause);
  });

  it('names only settings that there are', () => {
    for (const token of tokens) {
      const path = /^([a-z_]+(?:\.[A-Za-z_]+)+)(?::.*)?$/.exec(token)?.[1];
      if (path === undefined || /\.(md|ts|yaml|json)$/.test(path)) continue;
      let at = configuration as Record<string, unknown> | undefined;
      const keys = path.replace('VENUE', 'kalshi').split('.');
      // The last may have no value in this file: then the schema has it.
      for (const key of keys.slice(0, -1)) at = at?.[key] as Record<string, unknown> | undefined;
      expect(at, token).toBeTypeOf('object');
      const last = keys.at(-1)!;
      expect(last in at! || read('src/config/schema.ts').includes(` ${last}: `), token).toBe(true);
    }
  });

  it('quotes only what is logged', () => {
    // Messages of several words; those of a gatherer are the part that says it, and what became of it.
    for (const token of tokens) {
      const isMessage = /^[a-z]+( [a-z]+)+$/.test(token) && !/^(aws|tape|sudo) /.test(token);
      const ofGatherer = /^(?:stream|raw|rest|decode)_(\w+)$/.exec(token)?.[1];
      if (isMessage)
        expect(
          [...said].some((text) => text.startsWith(token)),
          token,
        ).toBe(true);
      if (ofGatherer !== undefined) expect(said.has(ofGatherer), token).toBe(true);
    }
  });
});

it('the table of what the status of one machine says has words that it says', () => {
  const table = read('docs/runbooks/README.md').split('## On one machine')[1]!;
  const rows = [...table.matchAll(/^\| (`.*) \| \[/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(([, text]) => text!),
  );
  expect(rows.length).toBeGreaterThan(8);
  const sources = read('containers/gatherer/status.ts') + read('src/status/report.ts');
  for (const words of rows) expect(sources).toContain(words);
  // And none is left without a page.
  const reasons = [...sources.matchAll(/reasons\.push\(\s*[`'](.*?)[`'],?\s*\)/gs)].map(([, text]) => text!);
  expect(reasons.length).toBeGreaterThan(6);
  for (const reason of reasons)
    expect(
      rows.some((words) => reason.includes(words)),
      reason,
    ).toBe(true);
});
