#!/usr/bin/env node
/**
 * Synthesizes the stacks of the environment of one configuration for a run on this machine, without bundling and
 * without an account: `local-template CONFIG_FILE OUTPUT_FILE` writes them as one JSON list.
 */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { loadConfiguration } from '#src/config/load.ts';
import { ConfigError } from '#src/config/substitution.ts';
import { EnvironmentError } from '../lib/constructs/checked-environment.ts';
import { PredictionTape } from '../lib/prediction-tape.ts';
import { projectFile } from '../lib/project-files.ts';

const [, , configurationFile, outputFile] = process.argv;
if (configurationFile === undefined || outputFile === undefined) {
  throw new Error('expected CONFIG_FILE and OUTPUT_FILE');
}
const outdir = mkdtempSync(join(tmpdir(), 'prediction-tape-template-'));
try {
  const { context } = JSON.parse(readFileSync(projectFile('cdk.json'), 'utf8')) as {
    context: Record<string, unknown>;
  };
  const app = new App({
    outdir,
    context: { ...context, 'aws:cdk:bundling-stacks': [] },
    analyticsReporting: false,
    // `npm run synth` and the tests validate; a start does not wait for it.
    builtinCloudFormationValidation: false,
  });
  new PredictionTape(app, loadConfiguration(configurationFile, process.env));
  const stacks = app.synth().stacks.map((stack) => ({
    id: stack.id,
    name: stack.stackName,
    region: stack.environment.region,
    template: stack.template as unknown,
  }));
  // Whole or not at all: another start may be looking for it.
  const partial = `${outputFile}.${process.pid}`;
  writeFileSync(partial, JSON.stringify(stacks));
  renameSync(partial, outputFile);
} catch (error) {
  const mendable = error instanceof ConfigError || error instanceof EnvironmentError;
  process.stderr.write(`${mendable ? error.message : ((error as Error).stack ?? String(error))}\n`);
  process.exitCode = 1;
} finally {
  rmSync(outdir, { recursive: true, force: true });
}
