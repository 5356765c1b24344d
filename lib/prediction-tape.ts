import { type App, Stack } from 'aws-cdk-lib';
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

const GATHERERS: readonly Gatherer[] = ['a', 'b', 'c'];

/**
 * Every stack of one environment. What holds data (`archive`, `catalogue`, `line-*`, `production`) is apart from
 * what may be thrown away and made again (`query`, `database-*`, `gatherer-*`, `jobs`); a line needs nothing of another line.
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
    this.jobs = new JobsStack(app, 'jobs', {
      configuration,
      network,
      catalogue,
      lines: this.lines,
      production: this.production,
    });
    // Last: it watches what is there.
    this.observability = new ObservabilityStack(app, 'observability', {
      configuration,
      stacks: app.node.children.filter((child) => Stack.isStack(child)),
    });
  }
}
