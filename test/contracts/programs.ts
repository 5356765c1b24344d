import type { z } from 'zod';
import type { AwsCall } from '#src/contract/aws-call.ts';
import { gathererCalls, gathererEnvironmentSchema } from '../../containers/gatherer/contract.ts';
import { auditCalls, auditEnvironment } from '../../lambdas/audit/contract.ts';
import { exportCalls, exportEnvironment } from '../../lambdas/export/contract.ts';
import { mergeCalls, mergeEnvironment } from '../../lambdas/merge/contract.ts';
import { migrateCalls, migrateEnvironment } from '../../lambdas/migrate/contract.ts';
import { retentionCalls, retentionEnvironment } from '../../lambdas/retention/contract.ts';
import { snapshotPlanCalls, snapshotPlanEnvironment } from '../../lambdas/snapshot-plan/contract.ts';
import { snapshotPollCalls, snapshotPollEnvironment } from '../../lambdas/snapshot-poll/contract.ts';
import { snapshotReportCalls, snapshotReportEnvironment } from '../../lambdas/snapshot-report/contract.ts';
import { writerCalls, writerEnvironment } from '../../lambdas/writer/contract.ts';

/** What a program says of itself. */
export interface Contract {
  readonly environment: z.ZodObject;
  readonly calls: readonly AwsCall<string>[];
  /** How many of it an environment has. */
  readonly count: number;
}

/** The contract of every program, by the module that is started. */
export const programs: Readonly<Record<string, Contract>> = {
  'lambdas/writer/handler.ts': { environment: writerEnvironment, calls: writerCalls, count: 3 },
  'lambdas/merge/handler.ts': { environment: mergeEnvironment, calls: mergeCalls, count: 1 },
  'lambdas/export/handler.ts': { environment: exportEnvironment, calls: exportCalls, count: 1 },
  'lambdas/audit/handler.ts': { environment: auditEnvironment, calls: auditCalls, count: 1 },
  'lambdas/retention/handler.ts': { environment: retentionEnvironment, calls: retentionCalls, count: 1 },
  'lambdas/migrate/handler.ts': { environment: migrateEnvironment, calls: migrateCalls, count: 4 },
  'lambdas/snapshot-plan/handler.ts': {
    environment: snapshotPlanEnvironment,
    calls: snapshotPlanCalls,
    count: 1,
  },
  'lambdas/snapshot-poll/handler.ts': {
    environment: snapshotPollEnvironment,
    calls: snapshotPollCalls,
    count: 1,
  },
  'lambdas/snapshot-report/handler.ts': {
    environment: snapshotReportEnvironment,
    calls: snapshotReportCalls,
    count: 1,
  },
  'containers/gatherer/main.ts': { environment: gathererEnvironmentSchema, calls: gathererCalls, count: 3 },
};
