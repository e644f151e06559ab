// What a slow browser makes of the server's pages, without a cluster: each page is there once, and what is typed into it
// before its scripts ran is not lost.
import type { Page } from '@playwright/test';
import { z } from 'zod';
import { openPerson } from './browser.ts';
import { expect, test } from './fixtures.ts';
import { shown } from './shown-pages.ts';

test.use({ scene: { lab: 'e2epage', nodes: 0, cluster: 'none', me: 'admin' } });

test('every page comes in one piece, without a part that waits in a hidden container', async ({ me }) => {
  const inParts: string[] = [];
  for (const { path } of shown) {
    const html = await (await me.context.request.get(path, { headers: { accept: 'text/html' } })).text();
    expect(html, path).toContain('id="page"');
    // React's marks of a part that comes later, and of the container that it comes in.
    if (/<template id="[BP]:|<div hidden id="S:|<!--\$\?-->/.test(html)) inParts.push(path);
  }
  expect(inParts).toEqual([]);
});

/** Types into the first field as soon as the server's HTML is there, and marks it. */
const typeEarly = `
  new MutationObserver((changes, observer) => {
    const field = document.querySelector('form textarea, form input:not([type=hidden])');
    if (field === null) return;
    observer.disconnect();
    field.dataset.early = 'yes';
    field.value = 'node7';
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }).observe(document, { subtree: true, childList: true });`;

async function openSlowly(page: Page, path: string): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 12 });
  await page.addInitScript(typeEarly);
  await page.goto(path, { waitUntil: 'commit' });
}

for (const { path, label, says } of [
  { path: '/add-nodes', label: 'Nodes', says: /^On 1 node/ },
  { path: '/bridge', label: 'Nodes', says: null },
  { path: '/remove-node', label: 'Nodes', says: null },
  { path: '/passwordless-root', label: 'Nodes', says: null },
]) {
  test(`with a browser twelve times slower, ${path} has its form once, with what was typed early`, async ({ me }) => {
    const page = await me.context.newPage();
    await openSlowly(page, path);
    const field = page.getByRole('textbox', { name: label, exact: true, includeHidden: true });
    // Live: the button does something now.
    await expect(page.getByRole('button', { name: /^(Next|Make the plan)$/ })).toBeEnabled();
    await expect(field).toHaveCount(1);
    await expect(field).toHaveAttribute('data-early', 'yes');
    await expect(field).toHaveValue('node7');
    if (says !== null) await page.getByText(says).first().waitFor();
    await page.close();
  });
}

test('a login that is sent before the page is live puts no password into the address', async ({
  browser,
  testConsole,
}) => {
  // Without scripts the page stays as it is before they run.
  const context = await browser.newContext({ baseURL: testConsole.url, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto('/login');
  await page.getByLabel('Email').fill('ann@example.org');
  await page.getByLabel('Password').fill('correct horse battery');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeDisabled();
  await page.getByRole('button', { name: 'Sign in' }).click({ force: true });
  await expect(page.getByLabel('Password')).toHaveValue('correct horse battery');
  expect(new URL(page.url()).search).toBe('');
  await context.close();
});

test('the terminal says what it connects to before its scripts run', async ({ me }) => {
  const sent = async (path: string) =>
    (await me.context.request.get(path, { headers: { accept: 'text/html' } })).text();
  expect(await sent('/terminal?node=node2')).toMatch(/Connecting to (<!-- -->)?node2/);
  expect(await sent('/terminal')).toMatch(/Connecting to (<!-- -->)?the cluster/);
});

test('a phone loads manifest and icons before the login, and they are what they say', async ({
  browser,
  testConsole,
}) => {
  const stranger = await openPerson(browser, testConsole.url);
  const { page } = stranger;
  await page.goto('/login');
  const href = await page.locator('link[rel=manifest]').getAttribute('href');
  const manifestUrl = new URL(href ?? '', testConsole.url);
  const answer = await stranger.context.request.get(manifestUrl.href);
  expect(answer.status()).toBe(200);
  const manifest = Manifest.parse(await answer.json());
  expect(new URL(manifest.start_url, manifestUrl).pathname).toBe('/');
  expect(await page.locator('link[rel=icon]').getAttribute('href')).toBe('/icon.svg');
  const apple = await page.locator('link[rel=apple-touch-icon]').getAttribute('href');
  const icons = [...manifest.icons, { src: apple ?? '', sizes: '180x180' }];
  for (const { src, sizes } of icons) {
    // Drawn by the browser itself: what does not parse has no width.
    const size = await page.evaluate<string>(
      `new Promise((resolve, reject) => {
        const image = new Image();
        image.onload = () => resolve(image.naturalWidth + 'x' + image.naturalHeight);
        image.onerror = () => reject(new Error('does not load'));
        image.src = ${JSON.stringify(new URL(src, manifestUrl).href)};
      })`,
    );
    expect(size, src).toBe(sizes);
  }
  await expect(page.locator('meta[name=theme-color]')).toHaveCount(2);
  expect(stranger.problems).toEqual([]);
  await stranger.context.close();
});
const Manifest = z.object({ start_url: z.string(), icons: z.array(z.object({ src: z.string(), sizes: z.string() })) });
