import type { CostedResource } from '#src/cost/template-resources.ts';
import type { Needs } from './capacity.ts';

const GB = 2 ** 30;
const CPU_UNITS = 1_024;
const MEBIBYTE = 2 ** 20;
/** A gatherer's recording and compression run beside its one busy core. */
const CORES_PER_PROCESS = 2;
const ROOM = 1.3;
/** Sizes of machines, and what part of the measured rate of rows each takes, by its processors. */
const SIZES = [
  ['xlarge', 1],
  ['2xlarge', 2],
  ['4xlarge', 4],
  ['8xlarge', 8],
  ['16xlarge', 16],
] as const;

const sizeFor = (share: number): string => (SIZES.find(([, times]) => share <= times) ?? SIZES.at(-1)!)[0];

/** The resources of an environment as large as a scenario needs them, and never smaller than they are. */
export function scaled(resources: readonly CostedResource[], needs: Needs): CostedResource[] {
  const atLeast = (now: unknown, wanted: number): number => Math.max(Number(now ?? 0), Math.ceil(wanted));
  return resources.map((resource) => {
    const { properties } = resource;
    const changed = (() => {
      switch (resource.type) {
        case 'AWS::Kinesis::Stream':
          return { ShardCount: atLeast(properties.ShardCount, needs.shards * ROOM) };
        case 'AWS::ECS::TaskDefinition':
          return {
            Cpu: String(atLeast(properties.Cpu, needs.gathererProcesses * CORES_PER_PROCESS * CPU_UNITS)),
            Memory: String(atLeast(properties.Memory, (needs.gathererMemoryBytes / MEBIBYTE) * ROOM)),
          };
        case 'AWS::EC2::Volume':
          return { Size: atLeast(properties.Size, (needs.diskBytes / GB) * ROOM) };
        case 'AWS::EC2::Instance':
          return { InstanceType: `r7g.${sizeFor(needs.databaseRowsShare)}` };
        case 'AWS::RDS::DBInstance':
          return {
            DBInstanceClass: `db.m7g.${sizeFor(needs.databaseRowsShare)}`,
            AllocatedStorage: String(atLeast(properties.AllocatedStorage, (needs.tapeBytes / GB) * ROOM)),
          };
        default:
          return {};
      }
    })();
    return { ...resource, properties: { ...properties, ...changed } };
  });
}
