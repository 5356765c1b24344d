import { Lease } from '#src/catalogue/lease.ts';
import { catalogueTable } from './catalogue-table.ts';

/** The right of one execution of a job to run: nobody else's begins before it has ended or its `LEASE_SECONDS` are over. */
export function jobLease(
  job: 'export' | 'audit' | 'retention',
  environment: { readonly CATALOGUE_TABLE: string; readonly LEASE_SECONDS: number },
  execution: string,
): { take(started: string): Promise<boolean>; giveBack(): Promise<void> } {
  const lease = new Lease(catalogueTable(environment.CATALOGUE_TABLE), job, execution);
  return {
    take(started) {
      const now = Date.now();
      return lease.acquire(now, Math.max(0, Date.parse(started) + environment.LEASE_SECONDS * 1_000 - now));
    },
    giveBack: () => lease.release(),
  };
}
