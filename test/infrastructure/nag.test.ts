import { App, Stack } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { describe, expect, it } from 'vitest';
import { deployableConfiguration } from '../../lib/deployable-configuration.ts';
import { type Explanation, explainFindings, explanationsOf } from '../../lib/explained-findings.ts';
import { PredictionTape } from '../../lib/prediction-tape.ts';
import { testApp } from './synthesized.ts';

interface Finding {
  readonly path: string;
  readonly rule: string;
  /** Of a rule that finds several things at once. */
  readonly what: string | undefined;
}

function findingsIn(app: App): readonly Finding[] {
  return new AwsSolutionsChecks()
    .validateScope(app)
    .violations.flatMap(({ ruleName, violatingResources }) => {
      const [, rule, what] = /^([^[]+)(?:\[(.*)\])?$/s.exec(ruleName)!;
      return violatingResources.map(({ constructPath }) => ({ path: constructPath!, rule: rule!, what }));
    });
}

const explains = ({ rule, finding }: Explanation, { rule: found, what }: Finding): boolean => {
  if (rule !== found) return false;
  if (finding === undefined) return what === undefined;
  return what !== undefined && (typeof finding === 'string' ? finding === what : finding.test(what));
};

/** The construct that is found fault with, and what it is in, up to its stack. */
function* ownersOf(app: App, path: string): Iterable<IConstruct> {
  let construct = path.split('/').reduce<IConstruct>((parent, id) => parent.node.findChild(id), app);
  while (!Stack.isStack(construct)) {
    yield construct;
    construct = construct.node.scope!;
  }
}

/** Findings without a reason, and reasons without a finding. */
function compare(app: App): {
  readonly unexplained: readonly string[];
  readonly unfounded: readonly string[];
} {
  const used = new Set<Explanation>();
  const unexplained: string[] = [];
  for (const finding of findingsIn(app)) {
    const reasons = [...ownersOf(app, finding.path)]
      .flatMap((construct) => explanationsOf(construct))
      .filter((explanation) => explains(explanation, finding));
    for (const reason of reasons) used.add(reason);
    if (reasons.length === 0)
      unexplained.push(`${finding.path}: ${finding.rule} ${finding.what ?? ''}`.trim());
  }
  const unfounded = app.node
    .findAll()
    .flatMap((construct) => explanationsOf(construct).map((reason) => ({ construct, reason })))
    .filter(({ reason }) => !used.has(reason))
    .map(({ construct, reason }) =>
      `${construct.node.path}: ${reason.rule} ${String(reason.finding ?? '')}`.trim(),
    );
  return { unexplained, unfounded };
}

describe.each(['demo', 'prod'] as const)('the findings of cdk-nag in %s', (environment) => {
  const app = testApp();
  new PredictionTape(app, deployableConfiguration(environment, {}));
  app.synth();
  const { unexplained, unfounded } = compare(app);

  it('each have a reason written down beside what they are about', () => {
    expect(unexplained).toEqual([]);
  });

  it('are all still there: no reason has outlived what it explains', () => {
    expect(unfounded).toEqual([]);
  });
});

describe('a reason', () => {
  const bucketApp = (): { app: App; bucket: Bucket; stack: Stack } => {
    const app = new App();
    const stack = new Stack(app, 'stack');
    return { app, stack, bucket: new Bucket(stack, 'Bucket', { enforceSSL: true }) };
  };

  it('is needed for every finding', () => {
    expect(compare(bucketApp().app).unexplained).toEqual(['stack/Bucket/Resource: AwsSolutions-S1']);
  });

  it('holds for the construct that it stands beside, and for its own rule', () => {
    const { app, bucket } = bucketApp();
    explainFindings(
      bucket,
      { rule: 'AwsSolutions-S1', reason: 'r' },
      { rule: 'AwsSolutions-S2', reason: 'r' },
    );
    expect(compare(app)).toEqual({ unexplained: [], unfounded: ['stack/Bucket: AwsSolutions-S2'] });
  });

  it('cannot cover a whole stack', () => {
    const { stack } = bucketApp();
    expect(() => explainFindings(stack, { rule: 'AwsSolutions-S1', reason: 'r' })).toThrow(
      /a stack is no reason/,
    );
  });
});
