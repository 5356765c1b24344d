import type { Construct } from 'constructs';
import type { Gatherer } from '#src/events/event.ts';
import { LineDatabaseServer } from '../constructs/line-database-server.ts';
import { EnvironmentStack, type EnvironmentStackProps } from '../environment-stack.ts';
import type { LineStack } from './line-stack.ts';
import type { NetworkStack } from './network-stack.ts';

export interface DatabaseStackProps extends EnvironmentStackProps {
  readonly gatherer: Gatherer;
  /** Index of the zone that the line runs in. */
  readonly zone: number;
  readonly network: NetworkStack;
  readonly line: LineStack;
  readonly volumeId: string;
}

/** The machine that serves a line's database, in the line's zone. Holds no data: that is on the volume of `line-*`. */
export class DatabaseStack extends EnvironmentStack {
  readonly server: LineDatabaseServer;

  constructor(scope: Construct, id: string, props: DatabaseStackProps) {
    const { gatherer, network, line } = props;
    super(scope, id, { ...props, description: `Line ${gatherer}: the machine of its database` });
    this.server = new LineDatabaseServer(this, 'Server', {
      environment: this.configuration.environment,
      gatherer,
      vpc: network.vpc,
      subnet: network.computeSubnet(props.zone),
      names: network.names,
      clients: line.databaseClients,
      volumeId: props.volumeId,
      secretArn: line.databaseSecret.secretArn,
      sizes: this.configuration.deployment.line_database,
      logRetention: this.logRetention,
    });
  }
}
