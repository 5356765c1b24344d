import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLogger, type LoggerOptions } from '#src/telemetry/logger.ts';
import { redact, scrubText } from '#src/telemetry/redaction.ts';
import type { Micros } from '#src/units/time.ts';

let now = 1_763_712_000_123_456;

function capture(options: Partial<LoggerOptions> = {}) {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({
    clock: () => now as Micros,
    level: 'info',
    to: { write: (text) => lines.push(JSON.parse(text) as Record<string, unknown>) },
    ...options,
  });
  return { logger, lines };
}

test('a line is one JSON object with time, level, fields, message and details', () => {
  const { logger, lines } = capture({ fields: { service: 'gatherer', gatherer: 'a' } });
  logger.child({ venue: 'kalshi' }).warn('connection lost', { connection: 'kalshi-book-1#2', code: 1006 });
  logger.debug('not shown at this level');
  expect(lines).toEqual([
    {
      level: 'warn',
      time: '2025-11-21T08:00:00.123456Z',
      service: 'gatherer',
      gatherer: 'a',
      venue: 'kalshi',
      connection: 'kalshi-book-1#2',
      code: 1006,
      msg: 'connection lost',
    },
  ]);
});

const secrets = [
  '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----',
  'postgres://tape:hunter2hunter2@db:5432/a',
  'Authorization: Bearer abcdef1234567890',
  'https://b.s3.amazonaws.com/k?X-Amz-Signature=deadbeefdeadbeef&x=1',
  'AKIAABCDEFGHIJKLMNOP',
];
const parts = [
  'MIIEvQIBADANBg',
  'hunter2hunter2',
  'abcdef1234567890',
  'deadbeefdeadbeef',
  'AKIAABCDEFGHIJKLMNOP',
];

test('secrets are hidden by their looks, in messages, details, errors, their stacks and causes', () => {
  const { logger, lines } = capture({ level: 'trace' });
  for (const secret of secrets) {
    logger.info(`said ${secret}`);
    logger.info('details', { nested: [{ text: secret }] });
    logger.error('failed', { error: new Error(secret, { cause: new Error(secret) }) });
    logger.error('failed', new Error(secret));
    logger.child({ url: secret }).info('child');
  }
  const printed = JSON.stringify(lines);
  for (const part of parts) expect(printed).not.toContain(part);
  expect(printed).toContain('postgres://tape:[hidden]@db:5432/a');
});

test('secrets are hidden by their names, wherever they are nested; outcome tokens are not secrets', () => {
  const names = [
    'password',
    'private_key',
    'privateKey',
    'KALSHI-ACCESS-SIGNATURE',
    'authorization',
    'api_key',
    'secretAccessKey',
    'sessionToken',
    'db_password',
  ];
  for (const name of names)
    expect(redact({ deep: [{ [name]: 'xyz' }] })).toEqual({ deep: [{ [name]: '[hidden]' }] });
  expect(redact({ token_id: '123', tokens: ['1'], token: '7', has_secret: true, password: null })).toEqual({
    token_id: '123',
    tokens: ['1'],
    token: '7',
    has_secret: true,
    password: null,
  });
});

test('anything at all can be logged', () => {
  const cycle: Record<string, unknown> = {
    big: 12n,
    bytes: new Uint8Array(3),
    when: new Date(Number.NaN),
    map: new Map([['a', 1]]),
    set: new Set([2]),
  };
  cycle['self'] = cycle;
  const hostile = {
    get bad(): never {
      throw new Error('password=1');
    },
  };
  const { logger, lines } = capture();
  logger.info('odd', { cycle, hostile, deep: JSON.parse('['.repeat(50) + ']'.repeat(50)) as unknown });
  expect(lines[0]).toMatchObject({
    cycle: { big: '12', bytes: '[3 bytes]', when: null, map: { a: 1 }, set: [2], self: '[circular]' },
  });
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withSet: true,
        withTypedArray: true,
        withNullPrototype: true,
      }),
      (value) => {
        JSON.stringify(redact(value));
      },
    ),
  );
  expect(scrubText('plain text with a url https://example.org/a?b=c')).toBe(
    'plain text with a url https://example.org/a?b=c',
  );
});

test('a sink that fails is not a failure of the caller', () => {
  const { logger } = capture({
    to: {
      write: () => {
        throw new Error('disk full');
      },
    },
  });
  expect(() => logger.error('x')).not.toThrow();
});

test('repeats of one message are shown a few times a minute, and the number left out is told', () => {
  const { logger, lines } = capture({ repeats: { shown: 3 } });
  for (let time = 0; time < 100; time++) logger.warn('refused', { time });
  logger.warn('something else');
  logger.error('refused');
  expect(lines.filter((line) => line['msg'] === 'refused' && line['level'] === 'warn')).toHaveLength(3);
  expect(lines).toHaveLength(5);
  now += 61_000_000;
  logger.warn('refused', { time: 100 });
  expect(lines.at(-1)).toMatchObject({ msg: 'refused', time: 100, suppressed: 97 });
  for (let time = 0; time < 10; time++) logger.warn('refused', { time });
  now += 61_000_000;
  logger.info('hello');
  expect(lines.at(-2)).toMatchObject({
    msg: 'messages were left out',
    repeated: 'warn refused',
    suppressed: 8,
  });
});
