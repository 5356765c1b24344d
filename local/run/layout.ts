import { join, resolve } from 'node:path';

/** Where the local run keeps everything, under one folder that `--fresh` empties. */
export interface Layout {
  readonly directory: string;
  /** Names of everything that a run makes in the folder, the lock left out. */
  readonly entries: readonly string[];
  readonly stateFile: string;
  readonly lockFile: string;
  readonly postgres: string;
  readonly standIns: string;
  readonly functions: string;
  /** What the parts of the last run asked of AWS, and what of it their roles do not allow. */
  readonly awsCallsFile: string;
  /** What the run took from the templates, and what of them has no counterpart in it. */
  readonly wiringFile: string;
  /** The last run of every job. */
  readonly jobsFile: string;
  /** Templates of the last synthesis. */
  readonly templates: string;
  readonly logs: string;
  readonly truthFile: string;
  /** What the comparison with the truth puts aside while it runs. */
  readonly truthScratch: string;
  readonly keyFile: string;
  gatherer(name: string): string;
  log(name: string): string;
}

/** @param directory the data folder; `.tape` of the working directory by default. */
export function layoutOf(directory: string): Layout {
  const root = resolve(directory);
  const logs = join(root, 'logs');
  return {
    directory: root,
    entries: [
      'run.json',
      'postgres',
      'aws',
      'functions',
      'templates',
      'aws-calls.json',
      'wiring.json',
      'jobs.json',
      'gatherers',
      'logs',
      'truth.jsonl',
      'truth-check',
      'kalshi-key.pem',
      'kalshi-key.pem.pub',
    ],
    stateFile: join(root, 'run.json'),
    lockFile: join(root, 'lock'),
    postgres: join(root, 'postgres'),
    standIns: join(root, 'aws'),
    functions: join(root, 'functions'),
    awsCallsFile: join(root, 'aws-calls.json'),
    wiringFile: join(root, 'wiring.json'),
    jobsFile: join(root, 'jobs.json'),
    templates: join(root, 'templates'),
    logs,
    truthFile: join(root, 'truth.jsonl'),
    truthScratch: join(root, 'truth-check'),
    keyFile: join(root, 'kalshi-key.pem'),
    gatherer: (name) => join(root, 'gatherers', name),
    log: (name) => join(logs, `${name}.log`),
  };
}
