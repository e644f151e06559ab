// The policy of what pages may load, in a real browser: every page works under it, and what is injected does not run.
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { httpPaths } from '../../contract/http-paths.ts';
import { parseConfig } from '../config.ts';
import { startServer } from '../start.ts';
import { silentLog, testMakers } from '../parts-for-tests.ts';

const deadlineMs = 60_000;
const admin = { name: 'Root', email: 'root@node1', password: 'correct horse battery' };
const manifestPath = new URL('../../.next/app-path-routes-manifest.json', import.meta.url).pathname;

let folder = '';
let url = '';
let stop = () => Promise.resolve();
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  Object.assign(process.env, { NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' });
  if (!existsSync(manifestPath)) throw new Error(`${manifestPath} is missing: run npm run build`);
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-csp-'));
  const config = parseConfig(['--data', join(folder, 'data'), '--listen', '127.0.0.1:0'], {});
  const running = await startServer(config, { ...testMakers, log: silentLog });
  url = running.url;
  stop = () => running.stop();
  const token = new URL(running.setupLink ?? '').searchParams.get('token');
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  context = await browser.newContext();
  context.setDefaultTimeout(deadlineMs);
  const made = await context.request.post(`${url}${httpPaths.createFirstAdmin}`, {
    data: { ...admin, token },
    headers: { origin: url },
  });
  expect(made.status()).toBe(200);
}, 2 * deadlineMs);
afterAll(async () => {
  await browser.close();
  await stop();
  await rm(folder, { recursive: true, force: true });
}, deadlineMs);

it(
  'every page runs under it: nothing is violated, and its live connection opens',
  async () => {
    const routes = Object.values(
      z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(manifestPath, 'utf8'))),
    );
    const pages = routes.filter((route) => !route.includes('.') && !route.startsWith('/_'));
    expect(pages.length).toBeGreaterThan(10);
    for (const route of pages) {
      const path = route.replace(/\[\[?(?:\.\.\.)?(\w+)\]?\]/g, 'node1');
      const page = await context.newPage();
      const violations: string[] = [];
      page.on('console', (message) => {
        if (/content.security.policy/i.test(message.text())) violations.push(message.text());
      });
      const isOpen = path === httpPaths.login || path === httpPaths.setup;
      // A frame that arrives: the policy let the WebSocket through, and the page's scripts ran.
      const live = page
        .waitForEvent('websocket', { timeout: deadlineMs })
        .then((socket) => socket.waitForEvent('framereceived'));
      live.catch(() => undefined);
      await page.goto(`${url}${path}`, { waitUntil: 'load' });
      if (!isOpen) await live;
      const inline = await page.evaluate<number>(
        "[...document.scripts].filter(({ src, nonce }) => src === '' && nonce === '').length",
      );
      expect([path, violations, inline]).toEqual([path, [], 0]);
      await page.close();
    }
  },
  20 * deadlineMs,
);

it(
  'an injected script does not run, and no other host is reached',
  async () => {
    const page = await context.newPage();
    await page.goto(`${url}/login`);
    const results = await page.evaluate<{ blocked: string[]; title: string }>(`(async () => {
      const blocked = [];
      addEventListener('securitypolicyviolation', (event) => blocked.push(event.effectiveDirective));
      const script = document.createElement('script');
      script.textContent = 'document.title = "injected"';
      document.body.append(script);
      const button = document.createElement('button');
      button.setAttribute('onclick', 'document.title = "injected"');
      document.body.append(button);
      button.click();
      try {
        new WebSocket('ws://127.0.0.1:9/');
      } catch {
        // Some versions throw at once.
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
      return { blocked: blocked.sort(), title: document.title };
    })()`);
    expect(results.title).not.toBe('injected');
    expect(results.blocked).toEqual(['connect-src', 'script-src-attr', 'script-src-elem']);
    await page.close();
  },
  deadlineMs,
);
