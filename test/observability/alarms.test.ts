import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { publishedMetrics } from '#src/telemetry/published-metrics.ts';
import { publishedMetric } from '../../lib/observability/published-metric.ts';
import { Synthesized } from '../infrastructure/synthesized.ts';
import { namedMetrics, resourceBehind } from './watched.ts';

const runbooks = fileURLToPath(new URL('../../docs/runbooks/', import.meta.url));
const sources = fileURLToPath(new URL('../../lib/observability/', import.meta.url));
const library = dirname(createRequire(import.meta.url).resolve('aws-cdk-lib/package.json'));

const environments = (['demo', 'prod'] as const).map((name) => [name, Synthesized.of(name)] as const);

/** Watched by a metric of their own, in every stack. */
const FAILING_BY_THEMSELVES = [
  'AWS::Lambda::Function',
  'AWS::StepFunctions::StateMachine',
  'AWS::SQS::Queue',
  'AWS::Kinesis::Stream',
  'AWS::RDS::DBInstance',
  'AWS::KinesisFirehose::DeliveryStream',
  'AWS::EC2::Instance',
  'AWS::AutoScaling::AutoScalingGroup',
];

/** What runs during a deployment, whose failure fails it: CDK's own handlers, and migrations. */
const OF_THE_DEPLOYMENT = /^Custom|Provider|^SchemaMigrate/;

/** Metrics that AWS publishes, as `namespace name`, by the library's own lists. */
const awsMetrics = new Set(
  readdirSync(library)
    .filter((name) => name.startsWith('aws-'))
    .flatMap((name) => {
      let files: string[] = [];
      try {
        files = readdirSync(join(library, name, 'lib')).filter((file) => /canned-metrics.*\.js$/.test(file));
      } catch {}
      return files.flatMap((file) =>
        [
          ...readFileSync(join(library, name, 'lib', file), 'utf8').matchAll(
            /namespace:"([^"]+)",metricName:"([^"]+)"/g,
          ),
        ].map(([, namespace, metric]) => `${namespace} ${metric}`),
      );
    }),
);
/** Not in those lists. */
const ALSO_PUBLISHED = [
  'AWS/Billing EstimatedCharges',
  'AWS/Kinesis GetRecords.IteratorAgeMilliseconds',
  'AWS/Firehose FailedConversion.Records',
];

/** Names of alarms as a page writes them: with words for the line and the venue, and `…` for what differs. */
const patternOf = (text: string): RegExp =>
  new RegExp(
    `^${text
      .replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replace('LINE', '[abc]')
      .replace('VENUE', '(kalshi|polymarket)')
      .replace('…', '.+')}$`,
  );

/** Pages of what is not an alarm and so has no description: a message of AWS Budgets. */
const WITHOUT_ALARM = ['budget'];

describe.each(environments)('alarms and dashboards of %s', (name, synthesized) => {
  const template = synthesized.template('observability');
  const alarms = Object.values(template.Resources).filter(({ Type }) =>
    /^AWS::CloudWatch::(Composite)?Alarm$/.test(Type),
  );
  const metrics = namedMetrics(template);
  const own = metrics.filter(({ namespace }) => namespace.startsWith('PredictionTape'));

  it('name a runbook that exists in every alarm, and tell the topic', () => {
    expect(alarms.length).toBeGreaterThan(50);
    for (const { Properties } of alarms) {
      const page = /Runbook: docs\/runbooks\/([a-z-]+)\.md$/.exec(Properties.AlarmDescription)?.[1];
      expect(page, Properties.AlarmDescription).toBeDefined();
      expect(readFileSync(`${runbooks}${page}.md`, 'utf8')).toMatch(/^# /);
      expect(Properties.AlarmActions).toHaveLength(1);
    }
  });

  it('are seen by the name that their page has for them', () => {
    const unseen = alarms.flatMap(({ Properties: { AlarmName, AlarmDescription } }) => {
      const page = /docs\/runbooks\/([a-z-]+\.md)$/.exec(AlarmDescription)![1];
      const [seen] = readFileSync(`${runbooks}${page}`, 'utf8').split('**What it means.**');
      const names = [...seen!.matchAll(/`([^`]+)`/g)].map(([, text]) => patternOf(text!));
      const own = AlarmName.replace(`prediction-tape-${name}-`, '');
      return names.some((pattern) => pattern.test(own)) ? [] : [`${page}: ${own}`];
    });
    expect(unseen).toEqual([]);
  });

  it('have different names', () => {
    const names = alarms.map(({ Properties }) => Properties.AlarmName);
    expect(new Set(names).size).toBe(names.length);
    for (const alarm of names) expect(alarm).toMatch(new RegExp(`^prediction-tape-${name}-`));
  });

  it('name only metrics that the product publishes, with exactly their dimensions', () => {
    const declared = new Map<string, readonly string[]>(
      Object.values(publishedMetrics).flatMap(({ dimensions, units }) =>
        Object.keys(units).map((metric) => [metric, dimensions] as const),
      ),
    );
    const wrong = own.filter(
      (metric) =>
        metric.namespace !== `PredictionTape/${name}` ||
        Object.keys(metric.dimensions).sort().join() !==
          [...(declared.get(metric.name) ?? ['?'])].sort().join(),
    );
    expect(wrong).toEqual([]);
    for (const { dimensions } of own) {
      if ('gatherer' in dimensions) expect(['a', 'b', 'c']).toContain(dimensions['gatherer']);
      if ('venue' in dimensions) expect(['kalshi', 'polymarket']).toContain(dimensions['venue']);
    }
  });

  it('use every metric that the product publishes', () => {
    const used = new Set(own.map((metric) => metric.name));
    const declared = Object.values(publishedMetrics).flatMap(({ units }) => Object.keys(units));
    expect(declared.filter((metric) => !used.has(metric))).toEqual([]);
  });

  it('name only metrics of AWS that there are', () => {
    expect(awsMetrics.size).toBeGreaterThan(500);
    const unknown = metrics
      .filter(({ namespace }) => namespace.startsWith('AWS/'))
      .map((metric) => `${metric.namespace} ${metric.name}`)
      .filter((metric) => !awsMetrics.has(metric) && !ALSO_PUBLISHED.includes(metric));
    expect([...new Set(unknown)]).toEqual([]);
  });

  it('point at resources that are there, and hold on to none of them', () => {
    const references = metrics.flatMap(({ dimensions }) =>
      Object.values(dimensions).filter((value) => typeof value === 'object'),
    );
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) resourceBehind(synthesized, name, reference);
    expect(JSON.stringify(template)).not.toContain('Fn::ImportValue');
  });

  it('watch everything that can fail by itself', () => {
    const watched = new Set(
      metrics
        .filter(({ where }) => !where.startsWith('dashboard'))
        .flatMap(({ dimensions }) => Object.values(dimensions))
        .filter((value) => typeof value === 'object')
        .map((value) => resourceBehind(synthesized, name, value)),
    );
    const unwatched = [...synthesized.templates].flatMap(([stack, { Resources }]) =>
      Object.entries(Resources)
        .filter(([id, { Type }]) => FAILING_BY_THEMSELVES.includes(Type) && !OF_THE_DEPLOYMENT.test(id))
        .map(([id]) => `${stack}/${id}`)
        .filter((resource) => !watched.has(resource)),
    );
    expect(unwatched).toEqual([]);
  });

  it('ring at once for whatever a line has lost after it was received', () => {
    const causes = {
      not_sent: [...['a', 'b', 'c'].map((gatherer) => `line-${gatherer}-refused`)],
      not_stored: ['lines-put-aside'],
      not_delivered: ['records-missing'],
    };
    for (const [cause, ids] of Object.entries(causes)) {
      for (const id of ids) {
        const { AlarmDescription, EvaluationPeriods, Threshold, ComparisonOperator } = alarms.find(
          ({ Properties }) => Properties.AlarmName === `prediction-tape-${name}-${id}`,
        )!.Properties;
        expect([EvaluationPeriods, Threshold, ComparisonOperator]).toEqual([1, 0, 'GreaterThanThreshold']);
        const page = /docs\/runbooks\/([a-z-]+\.md)$/.exec(AlarmDescription)![1];
        expect(readFileSync(`${runbooks}${page}`, 'utf8')).toContain(`\`${cause}\``);
      }
    }
  });

  it('ring for a line that says nothing, and for a tape of which nothing is heard', () => {
    for (const alarm of ['line-a-down', 'line-b-down', 'line-c-down', 'tape-behind']) {
      const found = alarms.find(
        ({ Properties }) => Properties.AlarmName === `prediction-tape-${name}-${alarm}`,
      );
      expect(found?.Properties.TreatMissingData, alarm).toBe('breaching');
    }
  });

  it('ring while the database of the tape still has room to grow, however large it is by then', () => {
    const { MaxAllocatedStorage } = synthesized.resource('AWS::RDS::DBInstance', 'production').Properties;
    const [limit] = alarms.filter(({ Properties }) => Properties.MetricName === 'tape_database_size');
    expect(limit!.Properties).toMatchObject({
      ComparisonOperator: 'GreaterThanThreshold',
      Threshold: MaxAllocatedStorage * 1_024 * 0.8,
    });
  });

  it('combine any two lines that are down, and what makes the tape incomplete', () => {
    const rule = (id: string): string => {
      const found = alarms.find(
        ({ Type, Properties }) =>
          Type === 'AWS::CloudWatch::CompositeAlarm' &&
          Properties.AlarmName === `prediction-tape-${name}-${id}`,
      );
      expect(found!.Properties.OKActions).toHaveLength(1);
      return JSON.stringify(found!.Properties.AlarmRule);
    };
    const alarmIds = (text: string): string[] =>
      [...text.matchAll(/"(line[abc]down|tape\w+)[0-9A-F]{8}"/g)].map(([, id]) => id!);
    expect(alarmIds(rule('two-lines-down'))).toEqual([
      'lineadown',
      'linebdown',
      'lineadown',
      'linecdown',
      'linebdown',
      'linecdown',
    ]);
    expect(rule('two-lines-down').match(/ AND /g)).toHaveLength(3);
    expect(alarmIds(rule('tape-incomplete')).sort()).toEqual([
      'tapebehind',
      'tapekalshiingap',
      'tapekalshiinstrumentsingap',
      'tapepolymarketingap',
      'tapepolymarketinstrumentsingap',
    ]);
  });

  it('tell through an encrypted topic that alarms and budgets may use, and nobody without TLS', () => {
    const topic = synthesized.resource('AWS::SNS::Topic', 'observability');
    expect(topic.Properties.KmsMasterKeyId).toBeDefined();
    const key = JSON.stringify(synthesized.resource('AWS::KMS::Key', 'observability').Properties.KeyPolicy);
    const policy = JSON.stringify(synthesized.resource('AWS::SNS::TopicPolicy', 'observability').Properties);
    for (const publisher of ['cloudwatch.amazonaws.com', 'budgets.amazonaws.com']) {
      expect(key).toContain(publisher);
      expect(policy).toContain(publisher);
    }
    expect(policy).toContain('"aws:SecureTransport":"false"');
  });

  it('have a dashboard for the tape, for each gatherer and for the cost', () => {
    const dashboards = synthesized.resources('AWS::CloudWatch::Dashboard', 'observability');
    expect(dashboards.map(({ Properties }) => Properties.DashboardName).sort()).toEqual(
      ['cost', 'gatherer-a', 'gatherer-b', 'gatherer-c', 'tape'].map((id) => `prediction-tape-${name}-${id}`),
    );
  });

  it('warn before the budget of the environment is spent', () => {
    const { Budget, NotificationsWithSubscribers } = synthesized.resource(
      'AWS::Budgets::Budget',
      'observability',
    ).Properties;
    expect(Budget.CostFilters.TagKeyValue).toEqual([`user:environment$${name}`]);
    expect(Budget.BudgetLimit.Unit).toBe('USD');
    expect(NotificationsWithSubscribers).toHaveLength(2);
  });
});

describe('a metric', () => {
  it('with other dimensions than its own would never have a value, and is refused', () => {
    expect(() =>
      publishedMetric('demo', 'lineVenue', 'venue_frames', { gatherer: 'a' }, { statistic: 'Sum' }),
    ).toThrow('venue_frames has the dimensions gatherer, venue');
  });
});

describe('runbooks', () => {
  const pages = readdirSync(runbooks).filter((file) => file !== 'README.md');

  it('are each named by an alarm', () => {
    const named = new Set(
      readdirSync(sources).flatMap((file) =>
        [...readFileSync(`${sources}${file}`, 'utf8').matchAll(/runbook: '([a-z-]+)'/g)].map(
          ([, page]) => page,
        ),
      ),
    );
    expect(pages.map((page) => page.replace('.md', '')).filter((page) => !named.has(page))).toEqual(
      WITHOUT_ALARM,
    );
  });

  it.each(pages)(
    '%s says what is seen, what it means, what to do, and how to know that it is over',
    (page) => {
      const text = readFileSync(`${runbooks}${page}`, 'utf8');
      const parts = ['What you see.', 'What it means.', 'What to do.', 'How to know it is over.'];
      const places = parts.map((part) => text.indexOf(`**${part}**`));
      expect(places).toEqual([...places].sort((left, right) => left - right));
      expect(places).not.toContain(-1);
      for (const [, target] of text.matchAll(/\]\(([a-z-]+\.md)\)/g)) expect(pages).toContain(target);
    },
  );
});
