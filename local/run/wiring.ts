import { projectPath } from '../template/project-path.ts';

export const GATHERERS = ['a', 'b', 'c'] as const;
export type GathererName = (typeof GATHERERS)[number];

/** Modules that a run starts as processes of their own; gatherers and functions are named by the templates. */
export const modules = {
  standIns: projectPath('local/stand-ins/main.ts'),
  functions: projectPath('local/functions/main.ts'),
  console: projectPath('local/console/main.ts'),
  simulator: projectPath('sim/main.ts'),
  replay: projectPath('sim/replay-main.ts'),
} as const;

export interface DatabaseUrls {
  readonly production: string;
  readonly lines: Readonly<Record<GathererName, string>>;
}
