import { Annotations, Aspects, Fn, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { Configuration } from '#src/config/schema.ts';
import { LibraryFunctionLogs } from './library-function-logs.ts';

export interface EnvironmentStackProps {
  readonly configuration: Configuration;
  readonly description?: string;
}

/** Zones of an environment: one per line. */
const ZONES = 3;

/** A stack of one environment, tagged with it, that spans three availability zones without an account at hand. */
export abstract class EnvironmentStack extends Stack {
  readonly configuration: Configuration;

  /** @param id what the stack is within its environment; its name in the account also says which environment. */
  constructor(scope: Construct, id: string, props: EnvironmentStackProps) {
    const { environment, deployment } = props.configuration;
    super(scope, id, {
      stackName: `prediction-tape-${environment}-${id}`,
      env: { region: deployment.region },
      terminationProtection: deployment.termination_protection,
      ...(props.description === undefined ? {} : { description: props.description }),
    });
    this.configuration = props.configuration;
    Tags.of(this).add('project', 'prediction-tape');
    Tags.of(this).add('environment', environment);
    Aspects.of(this).add(new LibraryFunctionLogs(this.logRetention));
  }

  /** Without an account a stack offers two zones by itself; the three lines need one each. */
  override get availabilityZones(): string[] {
    return Array.from({ length: ZONES }, (_, index) => Fn.select(index, Fn.getAzs()));
  }

  /**
   * Says at every synthesis, difference and deployment what the configuration leaves undone. A run on one machine has nobody to tell.
   * @param id one word for it.
   */
  protected warn(id: string, message: string): void {
    const { environment } = this.configuration;
    if (environment === 'local') return;
    Annotations.of(this).addWarningV2(
      `prediction-tape:${id}`,
      `${message} It is set in config/${environment}.yaml.`,
    );
  }

  /** What becomes of data when its stack goes. */
  get dataRemovalPolicy(): RemovalPolicy {
    return this.configuration.deployment.retain_data ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
  }

  get logRetention(): RetentionDays {
    // The values of the enumeration are the days.
    return this.configuration.deployment.log_retention_days as number as RetentionDays;
  }
}
