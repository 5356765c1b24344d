import { daysKept, GB, MONTH_SECONDS } from '../load.ts';
import { type BillingRule, type Charge, type Estate, HOURS, LINES, nameOfClass, ofType } from './rule.ts';

const MEBIBYTES_PER_GB = 1_024;
/** Of a Fargate task, without charge. */
const FREE_STORAGE = 20;
const FREE_IOPS = 3_000;
const FREE_THROUGHPUT = 125;
const DAY_SECONDS = 86_400;
/** Metrics of a machine that is watched every minute. */
const DETAILED_METRICS = 7;

const fargateTask: BillingRule = ({ properties }) => {
  const hours = (item: string, quantity: number, price: string): Charge => ({
    service: 'Fargate',
    item,
    quantity: quantity * HOURS,
    price,
  });
  return [
    hours('processors', Number(properties.Cpu) / 1_024, 'fargate_arm_vcpu_hour'),
    hours('memory', Number(properties.Memory) / MEBIBYTES_PER_GB, 'fargate_arm_gb_hour'),
    hours(
      'disk',
      Math.max(0, (properties.EphemeralStorage?.SizeInGiB ?? FREE_STORAGE) - FREE_STORAGE),
      'fargate_storage_gb_hour',
    ),
  ];
};

const cluster: BillingRule = (_, { assumptions }) => [
  {
    service: 'CloudWatch',
    item: 'metrics of Container Insights',
    quantity: assumptions.container_metrics,
    price: 'cloudwatch_metric_month',
  },
];

const machine: BillingRule = ({ properties }) => [
  {
    service: 'EC2',
    item: `${properties.InstanceType}, databases of the lines`,
    quantity: HOURS,
    price: `ec2_${nameOfClass(properties.InstanceType)}_hour`,
  },
  {
    service: 'EC2',
    item: 'system volumes',
    quantity: (properties.BlockDeviceMappings ?? []).reduce(
      (sum: number, { Ebs }: { Ebs: { VolumeSize: number } }) => sum + Ebs.VolumeSize,
      0,
    ),
    price: 'ebs_gp3_gb_month',
  },
  {
    service: 'CloudWatch',
    item: 'detailed metrics of machines',
    quantity: properties.Monitoring === true ? DETAILED_METRICS : 0,
    price: 'cloudwatch_metric_month',
  },
];

const volume: BillingRule = ({ properties }) => [
  { service: 'EC2', item: 'volumes', quantity: properties.Size, price: 'ebs_gp3_gb_month' },
  {
    service: 'EC2',
    item: 'volumes: operations above 3,000 a second',
    quantity: Math.max(0, (properties.Iops ?? FREE_IOPS) - FREE_IOPS),
    price: 'ebs_gp3_iops_month',
  },
  {
    service: 'EC2',
    item: 'volumes: throughput above 125 MB/s',
    quantity: Math.max(0, (properties.Throughput ?? FREE_THROUGHPUT) - FREE_THROUGHPUT),
    price: 'ebs_gp3_throughput_month',
  },
];

const snapshots: BillingRule = ({ stack, properties }, estate) => {
  const { volume_used_share, volume_change_share } = estate.assumptions;
  const days = properties.PolicyDetails.Schedules[0].RetainRule.Interval;
  const size = ofType(estate, 'AWS::EC2::Volume')
    .filter((volume) => volume.stack === stack)
    .reduce((sum, volume) => sum + volume.properties.Size, 0);
  return [
    {
      service: 'EC2',
      item: 'snapshots of volumes',
      quantity: size * volume_used_share * (1 + volume_change_share * days),
      price: 'ebs_snapshot_gb_month',
    },
  ];
};

/**
 * What the tape grows to by the days that retention keeps of changes, dry run or not: most rows are changes. Other tables that are
 * kept longer are not reckoned.
 */
const tapeGibibytes = (estate: Estate): number => {
  const { rate, row_bytes, time_index_bytes } = estate.assumptions;
  const policy = ofType(estate, 'AWS::Lambda::Function')
    .map(({ properties }) => properties.Environment?.Variables?.TAPE_DAYS)
    .find((text) => text !== undefined);
  if (policy === undefined) return 0;
  const kept = JSON.parse(policy) as { readonly every: number; readonly order_book_deltas?: number };
  const days = daysKept(kept.order_book_deltas ?? kept.every, estate.assumptions);
  return (rate * DAY_SECONDS * (row_bytes + time_index_bytes) * days) / GB;
};

const database: BillingRule = ({ properties }, estate) => {
  const copies = properties.MultiAZ === true ? 2 : 1;
  const instanceClass = String(properties.DBInstanceClass).replace('db.', '');
  return [
    {
      service: 'RDS',
      item: `${instanceClass}${copies === 2 ? ', in two zones' : ''}`,
      quantity: HOURS * copies,
      price: `rds_postgres_${nameOfClass(instanceClass)}_hour`,
    },
    {
      service: 'RDS',
      item: 'storage',
      quantity: Math.max(Number(properties.AllocatedStorage), tapeGibibytes(estate)) * copies,
      price: 'rds_gp3_gb_month',
    },
  ];
};

const hasEndpoint = (estate: Estate, name: string): boolean =>
  ofType(estate, 'AWS::EC2::VPCEndpoint').some(({ properties }) =>
    JSON.stringify(properties.ServiceName).includes(name),
  );

/** Of all lines, what leaves the network for the streams. */
const streamGigabytes = ({ traffic }: Estate): number => (traffic.bytes * MONTH_SECONDS * LINES) / GB;

const natGateway: BillingRule = (_, estate) => {
  const { rate, frame_bytes } = estate.assumptions;
  const gateways = ofType(estate, 'AWS::EC2::NatGateway').length;
  const frames = (rate * frame_bytes * MONTH_SECONDS * LINES) / GB;
  const others = hasEndpoint(estate, 'kinesis-streams') ? 0 : streamGigabytes(estate);
  return [
    { service: 'Network', item: 'NAT gateways', quantity: HOURS, price: 'nat_gateway_hour' },
    {
      service: 'Network',
      item: 'through the NAT gateways',
      quantity: (frames + others) / gateways,
      price: 'nat_gateway_gb',
    },
  ];
};

const endpoint: BillingRule = ({ properties }, estate) => {
  if (properties.VpcEndpointType !== 'Interface') return [];
  const isStream = JSON.stringify(properties.ServiceName).includes('kinesis-streams');
  return [
    {
      service: 'Network',
      item: 'interface endpoints',
      quantity: HOURS * properties.SubnetIds.length,
      price: 'interface_endpoint_hour',
    },
    {
      service: 'Network',
      item: 'through the endpoint of the streams',
      quantity: isStream ? streamGigabytes(estate) : 0,
      price: 'interface_endpoint_gb',
    },
  ];
};

const address: BillingRule = () => [
  { service: 'Network', item: 'public addresses', quantity: HOURS, price: 'public_ipv4_hour' },
];

/** Tasks, machines, disks, databases and the network between them. */
export const machineRules: Readonly<Record<string, BillingRule>> = {
  'AWS::ECS::TaskDefinition': fargateTask,
  'AWS::ECS::Cluster': cluster,
  'AWS::EC2::Instance': machine,
  'AWS::EC2::Volume': volume,
  'AWS::DLM::LifecyclePolicy': snapshots,
  'AWS::RDS::DBInstance': database,
  'AWS::EC2::NatGateway': natGateway,
  'AWS::EC2::VPCEndpoint': endpoint,
  'AWS::EC2::EIP': address,
};
