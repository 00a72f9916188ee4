/**
 * Chromium without a window, as the operator's browser: one page at a time, and what it asked for, printed and threw.
 */
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { onCleanUp } from './cleanUp';
import { PROGRAM_PATH } from './processes';

/** The smallest screen that the first page has to fit. */
export const LAPTOP = { width: 1280, height: 800 };

export interface Opened {
  readonly page: Page;
  /** Every address that was asked for. */
  readonly requests: readonly string[];
  /** Violations of the policy, exceptions, and errors that the page prints. */
  readonly errors: readonly string[];
}

export async function startBrowser(): Promise<Browser> {
  const executablePath = PROGRAM_PATH.split(delimiter)
    .map((folder) => join(folder, 'chromium'))
    .find((file) => existsSync(file));
  if (executablePath === undefined) throw new Error('chromium is not installed');
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'];
  const browser = await chromium.launch({ executablePath, args });
  onCleanUp(() => browser.close());
  return browser;
}

export async function openPage(browser: Browser, url: string): Promise<Opened> {
  const page = await browser.newPage({ viewport: LAPTOP });
  const requests: string[] = [];
  const errors: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  return { page, requests, errors };
}

const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds wrong on the page as it is, each with its place. `rules`: only these. */
export async function axeViolations(page: Page, rules?: readonly string[]): Promise<string[]> {
  await page.evaluate(`window.axe ?? (() => { ${axeSource} })()`);
  const options = rules === undefined ? {} : { runOnly: rules };
  return page.evaluate(
    `axe.run(${JSON.stringify(options)}).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
       nodes.map(({ target, failureSummary }) => id + ' ' + target.join(' ') + ': ' + failureSummary)))`,
  );
}
