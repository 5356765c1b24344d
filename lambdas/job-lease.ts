import { Lease } from '#src/catalogue/lease.ts';
import { catalogueTable } from './catalogue-table.ts';

/** The right of one execution of a job to run: nobody else's begins before it has ended or `LEASE_SECONDS` are over. */
export function jobLease(
  job: 'export' | 'audit' | 'retention',
  environment: { readonly CATALOGUE_TABLE: string; readonly LEASE_SECONDS: number },
  execution: string,
): { take(): Promise<boolean>; giveBack(): Promise<void> } {
  const lease = new Lease(catalogueTable(environment.CATALOGUE_TABLE), job, execution);
  return {
    take: () => lease.acquire(Date.now(), environment.LEASE_SECONDS * 1_000),
    giveBack: () => lease.release(),
  };
}
