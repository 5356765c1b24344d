import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiServer, startApiServer } from '#src/api/server.ts';
import { type ServedTape, servedTape } from '../api/served-tape.ts';
import { useDatabases } from '../storage/database.ts';
import { hasBrowser, startBrowser } from './browser.ts';
import { addToBook, BUSY, fillLively, livelySystem, settle } from './lively-tape.ts';

const databases = useDatabases();
const SECOND = 1_000_000;
const KEY = 'a-key-that-is-long-enough';
/** Where pictures for the documentation go, when asked for. */
const PICTURES = process.env['TAPE_PICTURES'];
/** For a condition of the page; a slow machine takes its time. */
const PATIENCE = 45_000;

let tape: ServedTape;
let server: ApiServer;
let browser: Browser;
let now: number;
let contexts: BrowserContext[] = [];
/** What the browser complained about. */
const complaints: string[] = [];

const serve = (key: string | null): Promise<ApiServer> =>
  startApiServer({
    host: '127.0.0.1',
    port: 0,
    database: { connectionString: tape.url },
    system: livelySystem(now / 1_000 - 4_000_000, () => Date.now()),
    key,
    hasConsole: true,
    version: '0',
    onFault: (text) => complaints.push(text),
  });

async function open(
  hash: string,
  more: { width?: number; height?: number; scheme?: 'light' | 'dark'; url?: string } = {},
): Promise<Page> {
  const { width = 1_280, height = 860, scheme = 'light', url = server.url } = more;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    locale: 'en-US',
  });
  context.setDefaultTimeout(PATIENCE);
  contexts.push(context);
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  await page.goto(`${url}/${hash}`);
  return page;
}

async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

const label = (page: Page, selector: string): Promise<string | null> =>
  page.locator(selector).first().getAttribute('aria-label');

if (!hasBrowser) {
  it.skip(`the console in a browser: @sparticuz/chromium has none for ${process.platform} ${process.arch}`, () => {});
}

describe.runIf(hasBrowser)('the console in a browser', () => {
  beforeAll(async () => {
    now = Date.now() * 1_000;
    [tape, browser] = await Promise.all([servedTape(databases), startBrowser()]);
    await fillLively(tape.client, now);
    server = await serve(null);
  });
  afterAll(async () => {
    await Promise.all(contexts.map((context) => context.close()));
    await browser?.close();
    await server?.close();
    await tape?.end();
  });
  const closeAll = async (): Promise<void> => {
    await Promise.all(contexts.map((context) => context.close()));
    contexts = [];
  };

  it('shows lines, tape and jobs, and goes on by itself', async () => {
    const page = await open('#/', { height: 940 });
    const rate = page.locator('section[aria-label="Line a"] dd').first();
    await expect.poll(() => rate.textContent(), { timeout: PATIENCE }).toMatch(/^\d/);
    const before = await rate.textContent();
    await expect.poll(() => rate.textContent(), { timeout: PATIENCE }).not.toBe(before);
    await expect
      .poll(() => label(page, 'section[aria-label="Events per second"] [role=img]'), { timeout: PATIENCE })
      .toMatch(/line a [\d,]+, line b [\d,]+, line c [\d,]+/);
    expect(await page.locator('#health').textContent()).toBe('healthy');
    const text = await page.locator('main').innerText();
    for (const told of [
      '225,600 / 225,600',
      'sequence_gap',
      'Merge',
      'inserted 3074',
      'KXCPI-26DEC-T0.3',
      'unknown_type',
    ])
      expect(text).toContain(told);
    for (let second = 0; PICTURES !== undefined && second < 40; second++) {
      await settle(tape.client, (Date.now() - 2_000 - (second % 4) * 300) * 1_000);
      await page.waitForTimeout(1_000);
    }
    await settle(tape.client, now);
    await picture(page, 'console-overview');
    await page.locator('nav a', { hasText: 'Connections' }).click();
    await page.locator('td', { hasText: 'polymarket-book-6' }).first().waitFor();
    expect(await page.locator('main tbody tr').count()).toBe(36);
    await closeAll();
    expect(complaints).toEqual([]);
  });

  it('can be used by keyboard: past the navigation, to a market, and back in time', async () => {
    const page = await open('#/');
    await page.locator('section[aria-label="Line a"]').waitFor();
    const focused = (): Promise<string> =>
      page.evaluate('document.activeElement.id || document.activeElement.textContent');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to content');
    expect((await page.locator('.skip').boundingBox())!.y >= 0).toBe(true);
    await page.keyboard.press('/');
    expect(await focused()).toBe('find-words');
    await page.keyboard.type('federal rese');
    await page.keyboard.press('Enter');
    await page.locator('h1', { hasText: 'Markets' }).waitFor();
    const link = page.locator('main a', { hasText: BUSY });
    await link.waitFor();
    expect(await page.locator('main tbody tr').count()).toBe(1);
    expect(await focused()).toBe('main');
    for (let presses = 0; presses < 12 && (await focused()) !== BUSY; presses++)
      await page.keyboard.press('Tab');
    expect(await focused()).toBe(BUSY);
    await page.keyboard.press('Enter');
    await page.locator('h1', { hasText: 'Federal Reserve' }).waitFor();
    const certain = page.locator('.title .pill');
    await expect.poll(() => certain.textContent(), { timeout: PATIENCE }).toBe('certain');
    const live = page.getByRole('button', { name: 'Live' });
    expect(await live.getAttribute('aria-pressed')).toBe('true');
    const slider = page.getByLabel('Time of the book within the span');
    await slider.focus();
    // In the middle of the gap of half an hour ago no line can vouch for the book.
    for (let presses = 0; presses < 5; presses++) await page.keyboard.press('PageDown');
    await expect.poll(() => certain.textContent(), { timeout: PATIENCE }).not.toBe('certain');
    expect(await live.getAttribute('aria-pressed')).toBe('false');
    expect(await slider.getAttribute('aria-valuetext')).toMatch(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} UTC$/);
    await live.focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => certain.textContent(), { timeout: PATIENCE }).toBe('certain');
    await closeAll();
    expect(complaints).toEqual([]);
  });

  it('shows an instrument as the tape grows: ladder, depth, candles, trades and gaps', async () => {
    const page = await open(`#/instrument/kalshi/${BUSY}`, { scheme: 'dark', height: 1_080 });
    const level = page.locator('.ladder tr', { has: page.locator('td.bid.price', { hasText: /^0\.10$/ }) });
    const isShown = async (contracts: string): Promise<void> =>
      void (await expect
        .poll(async () => ((await level.count()) === 0 ? null : level.locator('td').first().textContent()), {
          timeout: PATIENCE,
        })
        .toBe(contracts));
    // So that the level is among the best twelve.
    await tape.client.query(`UPDATE order_book_snapshots SET bids = bids[1:20] WHERE instrument = $1`, [
      BUSY,
    ]);
    await settle(tape.client, now + 3 * SECOND);
    await isShown('10');
    await addToBook(tape.client, now + SECOND, 5);
    await settle(tape.client, now + 10 * SECOND);
    await isShown('15');
    expect(await label(page, 'section[aria-label="Depth"] [role=img]')).toMatch(
      /best bid 0\.\d\d for .*, best ask 0\.\d\d for /,
    );
    await expect
      .poll(() => label(page, 'section[aria-label="Candles"] [role=img]'), { timeout: PATIENCE })
      .toMatch(/of 1m, last close 0\.\d\d, 1 gaps in the span/);
    expect(await page.locator('section[aria-label="Gaps of the tape"] tbody').innerText()).toContain(
      'a:line_down',
    );
    expect(await page.locator('section[aria-label="Trades"] tbody tr').count()).toBeGreaterThan(0);
    expect(await page.locator('canvas').count()).toBe(2);
    await picture(page, 'console-instrument');
    const certain = (): Promise<string | null> => page.locator('.title [role=status]').textContent();
    await tape.client.query('ALTER TABLE order_book_snapshots RENAME TO away');
    await expect.poll(certain, { timeout: PATIENCE }).toBe('no answer');
    await tape.client.query('ALTER TABLE away RENAME TO order_book_snapshots');
    await expect.poll(certain, { timeout: PATIENCE }).toMatch(/certain$/);
    await closeAll();
    expect(complaints).toEqual([]);
  });

  it('shows of an instrument the span that was chosen last, and the last trades before a moment', async () => {
    const moment = now - 30 * 60 * SECOND;
    const [instrument, trades] = ['KXCPI-26DEC-T0.3', 2_100];
    await tape.client.query(
      `INSERT INTO trades (venue, instrument, trade_id, exchange_ts, price, size, is_block, received_at, quality, lines)
       SELECT 'kalshi', $1, 'many' || n, $2::bigint - n * 1000, 400000, n * 1000000, false, $2, 0, 7 FROM generate_series(1, $3) n`,
      [instrument, moment, trades],
    );
    const page = await open('#/');
    // An answer that never comes, until nobody waits for it.
    await page.route(/candles.*width=1m/, () => {});
    const isGivenUp = page.waitForEvent('requestfailed', (request) => request.url().includes('width=1m'));
    const isAsked = page.waitForRequest(/candles.*width=1m/);
    await page.evaluate(`location.hash = '#/instrument/kalshi/${instrument}?at=${moment}'`);
    await isAsked;
    await page.getByRole('button', { name: '6h', exact: true }).click();
    await isGivenUp;
    await expect
      .poll(() => label(page, 'section[aria-label="Candles"] [role=img]'), { timeout: PATIENCE })
      .toMatch(/ of 5m, /);
    const rows = page.locator('section[aria-label="Trades"] tbody tr');
    await expect.poll(() => rows.count(), { timeout: PATIENCE }).toBe(50);
    const sizes = await rows.locator('td:nth-child(3)').allTextContents();
    expect([sizes[0], sizes.at(-1)]).toEqual(['1', '50']);
    await closeAll();
    expect(complaints).toEqual([]);
  });

  it('leads from an hour of a venue down to the minutes of its instruments', async () => {
    const page = await open('#/completeness', { height: 760 });
    const cells = page.locator('.heat button');
    await cells.first().waitFor();
    // One column fewer where an hour has begun since the tape was filled.
    expect(await cells.count()).toBeGreaterThanOrEqual(46);
    const lacking = page.locator('.heat button.missing').first();
    expect(await lacking.getAttribute('aria-label')).toMatch(/^polymarket, .*: .*\d missing$/);
    await lacking.press('Enter');
    await page.locator('td', { hasText: 'missing' }).first().waitFor();
    const hour = 3_600 * SECOND;
    await page.locator(`[data-cell="kalshi ${now - (now % hour) - hour}"]`).press('Enter');
    await page.locator('.strip i.available').first().waitFor();
    await picture(page, 'console-completeness');
    await page.locator('main a', { hasText: BUSY }).click();
    await page.locator('h1', { hasText: 'Federal Reserve' }).waitFor();
    await closeAll();
    expect(complaints).toEqual([]);
  });

  it('fits a phone, goes dark with it, and takes no title for markup', async () => {
    const page = await open('#/', { width: 390, height: 844 });
    const ground = (): Promise<string> =>
      page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    const light = await ground();
    await page.emulateMedia({ colorScheme: 'dark' });
    expect([light, await ground()]).toEqual(['rgb(244, 245, 247)', 'rgb(13, 17, 23)']);
    for (const hash of [
      '#/',
      '#/connections',
      '#/completeness',
      '#/markets',
      `#/instrument/kalshi/${BUSY}`,
    ]) {
      await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
      await page.locator('main h1').waitFor();
      await page.locator('main tbody tr').first().waitFor({ state: 'attached' });
      expect(await page.evaluate('document.documentElement.scrollWidth'), hash).toBeLessThanOrEqual(390);
      if (hash === '#/markets') expect(await page.locator('main').innerText()).toContain('<img src=x');
    }
    await page.locator('.ladder .fill').first().waitFor({ state: 'attached' });
    await picture(page, 'console-phone');
    await closeAll();
    expect(complaints).toEqual([]);
  });

  it('asks for the key where the server does, and again after a wrong one', async () => {
    const locked = await serve(KEY);
    try {
      const page = await open('#/', { url: locked.url });
      const dialog = page.getByRole('dialog');
      await dialog.waitFor();
      await page.getByLabel('Key', { exact: true }).fill('not-the-right-key-at-all');
      await page.keyboard.press('Enter');
      await page.locator('#key-wrong').waitFor();
      await page.getByLabel('Key', { exact: true }).fill(KEY);
      await page.keyboard.press('Enter');
      await expect.poll(() => page.locator('#health').textContent(), { timeout: PATIENCE }).toBe('healthy');
      expect(await dialog.isVisible()).toBe(false);
      // The browser notes each refused request; nothing else may be there.
      expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);
    } finally {
      complaints.length = 0;
      await closeAll();
      await locked.close();
    }
  });
});

describe('the page of the console', () => {
  it('keeps as many readings as it shows, however long it is open', async () => {
    const { Ring } = (await import('../../console/ring.js' as string)) as {
      Ring: new (
        series: number,
        size: number,
      ) => {
        length: number;
        add(time: number, values: readonly (number | null)[]): void;
        columns(): (number | null)[][];
      };
    };
    const ring = new Ring(2, 4);
    expect(ring.columns()).toEqual([[], [], []]);
    for (let time = 1; time <= 3_600; time++) ring.add(time, [time * 2, time % 2 === 0 ? null : 1]);
    expect(ring.columns()).toEqual([
      [3_597, 3_598, 3_599, 3_600],
      [7_194, 7_196, 7_198, 7_200],
      [1, null, 1, null],
    ]);
  });

  it('shows money and sizes digit by digit', async () => {
    const { contracts, dollars } = (await import('../../console/format.js' as string)) as Record<
      string,
      (micros: number | null) => string
    >;
    const shown = [0, 10_000, 5_500, 999_999, 1_000_000, -20_000, null].map((micros) => dollars!(micros));
    expect(shown).toEqual(['0.00', '0.01', '0.0055', '0.999999', '1.00', '−0.02', '–']);
    expect([1_000_000, 1_234_560_000, 160_000, 7].map((micros) => contracts!(micros))).toEqual([
      '1',
      '1,234.56',
      '0.16',
      '0.000007',
    ]);
  });
});
