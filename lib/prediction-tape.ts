import { type App, Stack } from 'aws-cdk-lib';
import { SubnetType } from 'aws-cdk-lib/aws-ec2';
import type { Configuration } from '#src/config/schema.ts';
import type { Gatherer } from '#src/events/event.ts';
import { ObservabilityStack } from './observability/observability-stack.ts';
import { ArchiveStack } from './stacks/archive-stack.ts';
import { CatalogueStack } from './stacks/catalogue-stack.ts';
import { DatabaseStack } from './stacks/database-stack.ts';
import { GathererStack } from './stacks/gatherer-stack.ts';
import { JobsStack } from './stacks/jobs-stack.ts';
import { LineStack } from './stacks/line-stack.ts';
import { NetworkStack } from './stacks/network-stack.ts';
import { ProductionStack } from './stacks/production-stack.ts';
import { QueryStack } from './stacks/query-stack.ts';
import { SchemaStack } from './stacks/schema-stack.ts';

const GATHERERS: readonly Gatherer[] = ['a', 'b', 'c'];

/**
 * Every stack of one environment. What holds data (`archive`, `catalogue`, `line-*`, `production`) is apart from
 * what may be thrown away and made again (`query`, `database-*`, `schema-*`, `gatherer-*`, `jobs`); a line needs nothing of
 * another line, and nothing needs `schema-*`.
 */
export class PredictionTape {
  readonly network: NetworkStack;
  readonly archive: ArchiveStack;
  readonly query: QueryStack;
  readonly catalogue: CatalogueStack;
  readonly lines: Readonly<Record<Gatherer, LineStack>>;
  /** Machines of the lines' databases; none where somebody else runs these. */
  readonly databases: readonly DatabaseStack[];
  readonly gatherers: Readonly<Record<Gatherer, GathererStack>>;
  readonly production: ProductionStack;
  /** The lines', then the tape's. */
  readonly schemas: readonly SchemaStack[];
  readonly jobs: JobsStack;
  readonly observability: ObservabilityStack;

  constructor(app: App, configuration: Configuration) {
    this.network = new NetworkStack(app, 'network', { configuration });
    this.archive = new ArchiveStack(app, 'archive', { configuration });
    this.catalogue = new CatalogueStack(app, 'catalogue', { configuration });
    const { network, archive, catalogue } = this;
    this.query = new QueryStack(app, 'query', { configuration, archive });
    const zoneOf = (gatherer: Gatherer): number => GATHERERS.indexOf(gatherer);
    const line = (gatherer: Gatherer) =>
      new LineStack(app, `line-${gatherer}`, { configuration, gatherer, zone: zoneOf(gatherer), network });
    this.lines = { a: line('a'), b: line('b'), c: line('c') };
    this.databases = GATHERERS.flatMap((gatherer) => {
      const { databaseVolumeId: volumeId } = this.lines[gatherer];
      if (volumeId === undefined) return [];
      return new DatabaseStack(app, `database-${gatherer}`, {
        configuration,
        gatherer,
        zone: zoneOf(gatherer),
        network,
        line: this.lines[gatherer],
        volumeId,
      });
    });
    const gathererOf = (gatherer: Gatherer) =>
      new GathererStack(app, `gatherer-${gatherer}`, {
        configuration,
        gatherer,
        zone: zoneOf(gatherer),
        network,
        archive,
        catalogue,
        line: this.lines[gatherer],
        query: this.query,
      });
    this.gatherers = { a: gathererOf('a'), b: gathererOf('b'), c: gathererOf('c') };
    this.production = new ProductionStack(app, 'production', { configuration, network });
    const schemas = GATHERERS.map((gatherer) => {
      const schema = new SchemaStack(app, `schema-${gatherer}`, {
        configuration,
        network,
        set: 'gatherer',
        database: this.lines[gatherer],
        subnets: { subnets: [network.computeSubnet(zoneOf(gatherer))] },
        of: `line ${gatherer}`,
      });
      const server = this.databases.find(({ node }) => node.id === `database-${gatherer}`);
      if (server !== undefined) schema.addStackDependency(server, 'there has to be a server to migrate');
      return schema;
    });
    this.schemas = [
      ...schemas,
      new SchemaStack(app, 'schema-production', {
        configuration,
        network,
        set: 'production',
        database: this.production,
        subnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
        of: 'the tape',
      }),
    ];
    this.jobs = new JobsStack(app, 'jobs', {
      configuration,
      network,
      archive,
      catalogue,
      lines: this.lines,
      production: this.production,
    });
    // Last: it watches what is there. A schema fails with its deployment, before anybody.
    this.observability = new ObservabilityStack(app, 'observability', {
      configuration,
      stacks: app.node.children.filter(
        (child) => Stack.isStack(child) && !this.schemas.some((schema) => schema === child),
      ) as Stack[],
    });
  }
}
