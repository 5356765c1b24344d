import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { CatalogueTable } from '#src/catalogue/table.ts';

/** The table of catalogue and leases, as a function reaches it. */
export function catalogueTable(name: string): CatalogueTable {
  return { client: new DynamoDBClient({}), name, sleep: (millis) => sleep(millis), random: Math.random };
}
