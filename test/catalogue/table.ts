import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand, DynamoDBClient, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import dynalite from 'dynalite';
import { afterAll, beforeAll } from 'vitest';
import type { CatalogueTable } from '#src/catalogue/table.ts';

export interface TestTables {
  /** A new, empty table with the catalogue's keys. */
  fresh(): Promise<CatalogueTable>;
  endpoint(): string;
}

/** A DynamoDB stand-in of this test file; call at its top. */
export function useTables(): TestTables {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 } as object);
  let client: DynamoDBClient;
  let endpoint: string;
  let count = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    client = new DynamoDBClient({
      endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      requestHandler: new NodeHttpHandler(),
    });
  });
  afterAll(async () => {
    client.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    endpoint: () => endpoint,
    async fresh() {
      const name = `catalogue-${++count}`;
      await client.send(
        new CreateTableCommand({
          TableName: name,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [
            { AttributeName: 'pk', AttributeType: 'S' },
            { AttributeName: 'sk', AttributeType: 'S' },
          ],
          KeySchema: [
            { AttributeName: 'pk', KeyType: 'HASH' },
            { AttributeName: 'sk', KeyType: 'RANGE' },
          ],
        }),
      );
      // A table answers requests a moment after its creation was confirmed.
      await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { TableName: name });
      return { client, name, sleep: (millis) => sleep(millis), random: Math.random };
    },
  };
}
