// People at their screens, and pages that report what a user would not forgive: errors on the console, failed requests, what axe
// finds, content wider than the screen.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from '@playwright/test';

/** Screenshots, kept by CI. */
export const artefacts = new URL('../artefacts/e2e/', import.meta.url).pathname;

/** Of whatever has to happen next: on a slow machine it takes its time, and it happens. */
export const deadlineMs = 60_000;
export const desktop = { width: 1440, height: 900 };
export const phone = { width: 390, height: 844 };

/** One person at one screen: their cookies, and the tabs that they open. */
export interface Person {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What went wrong in any of their tabs so far. */
  readonly problems: string[];
}

export async function openPerson(
  browser: Browser,
  url: string,
  options: { viewport?: { width: number; height: number }; from?: Person } = {},
): Promise<Person> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: options.viewport ?? desktop,
    colorScheme: 'dark',
    // Without animations, nothing is half faded in when a test looks at it.
    reducedMotion: 'reduce',
    ...(options.from === undefined ? {} : { storageState: await options.from.context.storageState() }),
  });
  context.setDefaultTimeout(deadlineMs);
  const problems: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      problems.push(`${message.page()?.url() ?? ''}: console ${message.type()}: ${message.text()}`);
    }
  });
  context.on('weberror', (error) => problems.push(`${error.page()?.url() ?? ''}: ${error.error().message}`));
  context.on('requestfailed', (request) => {
    // Leaving a page cancels what it was still loading.
    const reason = request.failure()?.errorText ?? '';
    if (reason !== 'net::ERR_ABORTED') problems.push(`${request.method()} ${request.url()}: ${reason}`);
  });
  context.on('response', (response) => {
    if (response.status() >= 400)
      problems.push(`${response.request().method()} ${response.url()}: ${response.status()}`);
  });
  return { context, page: await context.newPage(), problems };
}

/** Keeps a screenshot of the page as `<name>-<width>-<scheme>.png`. */
export async function shoot(page: Page, name: string, scheme: 'dark' | 'light' = 'dark'): Promise<void> {
  await mkdir(artefacts, { recursive: true });
  const { width } = page.viewportSize() ?? desktop;
  await page.screenshot({ path: join(artefacts, `${name}-${width}-${scheme}.png`), animations: 'disabled' });
}

/** What axe finds serious or critical, as text. */
export async function accessIssues(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map((node) => `${page.url()}: ${id}: ${node.html}: ${node.failureSummary ?? ''}`),
    );
}

/** By how many pixels the page is wider than its screen. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
}
