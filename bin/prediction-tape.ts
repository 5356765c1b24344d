#!/usr/bin/env node
/** Entry of the CDK app: `cdk synth -c env=demo`. */
import { App } from 'aws-cdk-lib';
import { ConfigError } from '#src/config/substitution.ts';
import { deployableConfiguration } from '../lib/deployable-configuration.ts';
import { PredictionTape } from '../lib/prediction-tape.ts';

const app = new App();
try {
  new PredictionTape(app, deployableConfiguration(app.node.tryGetContext('env'), process.env));
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
