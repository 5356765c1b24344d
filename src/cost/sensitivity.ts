import { type Bill, billOf } from './bill.ts';
import { type Assumptions, lineTraffic, type Packing, shardsFor } from './load.ts';
import type { PriceList } from './price-list.ts';
import type { CostedResource } from './template-resources.ts';

/** What a bill is made of. */
export interface Case {
  readonly resources: readonly CostedResource[];
  readonly assumptions: Assumptions;
  readonly packing: Packing;
}

/** Another way to build or to load the same thing, and what it would change. */
export interface Alternative {
  readonly what: string;
  /** Dollars a month more (or, below zero, less). */
  readonly difference: number;
}

type Change = (original: Case) => Case;

const assume =
  (change: (assumptions: Assumptions) => Partial<Assumptions>): Change =>
  (original) => ({
    ...original,
    assumptions: { ...original.assumptions, ...change(original.assumptions) },
  });
const pack =
  (packing: Partial<Packing>): Change =>
  (original) => ({ ...original, packing: { ...original.packing, ...packing } });
const without =
  (leavesOut: (resource: CostedResource) => boolean): Change =>
  (original) => ({ ...original, resources: original.resources.filter((resource) => !leavesOut(resource)) });
const alter =
  (type: string, change: (properties: CostedResource['properties'], original: Case) => object): Change =>
  (original) => ({
    ...original,
    resources: original.resources.map((resource) =>
      resource.type === type
        ? { ...resource, properties: { ...resource.properties, ...change(resource.properties, original) } }
        : resource,
    ),
  });

const isInterface = ({ type, properties }: CostedResource): boolean =>
  type === 'AWS::EC2::VPCEndpoint' && properties.VpcEndpointType === 'Interface';

const onDemand = alter('AWS::Kinesis::Stream', () => ({ ShardCount: undefined }));
const provisioned = alter('AWS::Kinesis::Stream', (_, { assumptions, packing }) => ({
  ShardCount: shardsFor(lineTraffic(assumptions, packing), assumptions.peak_factor),
}));
const oneGateway: Change = (original) => {
  const gateways = original.resources.filter(({ type }) => type === 'AWS::EC2::NatGateway');
  return without((resource) => gateways.slice(1).includes(resource))(original);
};

const alternatives: readonly (readonly [what: string, change: Change])[] = [
  ['twice the events', assume(({ rate }) => ({ rate: 2 * rate }))],
  ['ten times the events', assume(({ rate }) => ({ rate: 10 * rate }))],
  ['half of the instruments', assume(({ instruments }) => ({ instruments: instruments / 2 }))],
  [
    'twice as many books that change in a minute',
    assume(({ active_share }) => ({ active_share: 2 * active_share })),
  ],
  ['two years of objects in the buckets', assume(() => ({ stored_months: 24 }))],
  ['one event a record', pack({ maxEventsPerRecord: 1 })],
  ['records filled for 500 ms', pack({ lingerMillis: 500 })],
  ['records filled for 20 ms', pack({ lingerMillis: 20 })],
  ['streams on demand', onDemand],
  ['streams with as many shards as the peak needs', provisioned],
  ['streams that keep for a day', alter('AWS::Kinesis::Stream', () => ({ RetentionPeriodHours: 24 }))],
  ['no lake', without(({ type }) => type === 'AWS::KinesisFirehose::DeliveryStream')],
  ['no interface endpoints', without(isInterface)],
  ['one NAT gateway', oneGateway],
  ['the tape’s database in one zone', alter('AWS::RDS::DBInstance', () => ({ MultiAZ: false }))],
  ['no snapshot poll', pack({ pollIntervalSeconds: null })],
  ['a snapshot poll every hour', pack({ pollIntervalSeconds: 3_600 })],
  ['no traces', alter('AWS::Lambda::Function', () => ({ TracingConfig: undefined }))],
  [
    'writers that wait for five seconds',
    alter('AWS::Lambda::EventSourceMapping', () => ({ MaximumBatchingWindowInSeconds: 5 })),
  ],
];

/** What would change a bill, the greatest change first; what changes nothing is left out. */
export function sensitivityOf(original: Case, bill: Bill, prices: PriceList): Alternative[] {
  return alternatives
    .map(([what, change]) => {
      const { resources, assumptions, packing } = change(original);
      const { dollars } = billOf(resources, assumptions, packing, prices);
      return { what, difference: Math.round((dollars - bill.dollars) * 100) / 100 };
    })
    .filter(({ difference }) => difference !== 0)
    .sort((one, other) => Math.abs(other.difference) - Math.abs(one.difference));
}
