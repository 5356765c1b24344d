import type { Synthesized, Template } from '../infrastructure/synthesized.ts';

/** A metric as an alarm or a dashboard names it. */
export interface NamedMetric {
  readonly where: string;
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, unknown>>;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

function ofAlarm(where: string, properties: Record<string, unknown>): NamedMetric[] {
  const single = (metric: Record<string, unknown>): NamedMetric => ({
    where,
    namespace: String(metric['Namespace']),
    name: String(metric['MetricName']),
    dimensions: Object.fromEntries(
      ((metric['Dimensions'] ?? []) as { Name: string; Value: unknown }[]).map(({ Name, Value }) => [
        Name,
        Value,
      ]),
    ),
  });
  if (properties['MetricName'] !== undefined) return [single(properties)];
  return ((properties['Metrics'] ?? []) as Record<string, unknown>[]).flatMap((metric) =>
    isObject(metric['MetricStat'])
      ? [single((metric['MetricStat'] as Record<string, Record<string, unknown>>)['Metric']!)]
      : [],
  );
}

/** The text of a dashboard, with `#REF n#` for what is only known at deployment. */
function dashboardBody(body: unknown, references: unknown[]): string {
  if (typeof body === 'string') return body;
  const [separator, parts] = (body as { 'Fn::Join': [string, unknown[]] })['Fn::Join'];
  return parts
    .map((part) => (typeof part === 'string' ? part : `#REF ${references.push(part) - 1}#`))
    .join(separator);
}

function ofDashboard(where: string, properties: Record<string, unknown>): NamedMetric[] {
  const references: unknown[] = [];
  const body = JSON.parse(dashboardBody(properties['DashboardBody'], references));
  const found: NamedMetric[] = [];
  for (const widget of body.widgets) {
    for (const row of widget.properties.metrics ?? []) {
      const texts = (row as unknown[]).filter((part): part is string => typeof part === 'string');
      if (texts.length < 2) continue;
      const [namespace, name, ...pairs] = texts;
      const dimensions: Record<string, unknown> = {};
      for (let index = 0; index + 1 < pairs.length; index += 2) {
        const reference = /^#REF (\d+)#$/.exec(pairs[index + 1]!);
        dimensions[pairs[index]!] = reference === null ? pairs[index + 1] : references[Number(reference[1])];
      }
      found.push({ where, namespace: namespace!, name: name!, dimensions });
    }
  }
  return found;
}

/** Every metric that alarms and dashboards of a template name. */
export function namedMetrics(template: Template): NamedMetric[] {
  return Object.entries(template.Resources).flatMap(([id, { Type, Properties }]) => {
    if (Type === 'AWS::CloudWatch::Alarm') return ofAlarm(String(Properties.AlarmName), Properties);
    if (Type === 'AWS::CloudWatch::Dashboard') return ofDashboard(`dashboard ${id}`, Properties);
    return [];
  });
}

/**
 * The resource behind a reference into another stack, as `stack/LogicalId`.
 *
 * @throws Error when the stack, the output or the resource is not there.
 */
export function resourceBehind(synthesized: Synthesized, environment: string, reference: unknown): string {
  const { StackName, OutputName } = (reference as Record<string, Record<string, string>>)[
    'Fn::GetStackOutput'
  ]!;
  const stack = StackName!.replace(`prediction-tape-${environment}-`, '');
  const template = synthesized.template(stack);
  const output = template.Outputs?.[OutputName!] as { Value?: Record<string, unknown> } | undefined;
  const value = output?.Value ?? {};
  const id = value['Ref'] ?? (value['Fn::GetAtt'] as string[] | undefined)?.[0];
  if (typeof id !== 'string' || template.Resources[id] === undefined)
    throw new Error(`${stack} has nothing behind ${OutputName}`);
  return `${stack}/${id}`;
}
