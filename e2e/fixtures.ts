// What every journey stands on: a lab, a console, and a person in front of it. A file says with `test.use({ scene })` what it
// wants; all of it is made once for the file and taken away after its last test.
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test as base } from '@playwright/test';
import { AppError } from '../contract/errors.ts';
import { localRunner } from '../host/runner.ts';
import { openLab, type Lab, type UpOptions } from '../lab/lab.ts';
import { DoubleMinimega } from '../lab/minimega/double.ts';
import { nodePassword } from '../lab/node.ts';
import { openPerson, phone, type Person } from './browser.ts';
import { chromiumPath } from './chromium.ts';
import { makeDataFolder, startConsole, type TestConsole } from './console.ts';
import { makeFirstAdmin, nodeList } from './journey.ts';

export { expect } from '@playwright/test';

const cli = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
/** A lab, and the plans that make a cluster of it, on a machine that does other things too. */
const setUpMs = 600_000;

export interface Scene {
  /** Name of its lab, which no other scene uses: what a killed run left behind is removed first. */
  readonly lab: string;
  /** 0: no lab. */
  readonly nodes: number;
  readonly login?: UpOptions['login'];
  /** As booted, or one cluster of the context `john` with node1 as its head, made by the wizards' plans from a shell. */
  readonly cluster: 'none' | 'meshed';
  /** Who opens the console: nobody it knows, who may use its set-up link, or its first admin. */
  readonly me: 'stranger' | 'admin';
  readonly screen?: 'desktop' | 'phone';
  /** Nodes of a minimega cluster in memory, which the console is attached to. */
  readonly minimega?: readonly string[];
}

interface WorkerFixtures {
  readonly scene: Scene;
  readonly chromium: undefined;
  readonly lab: Lab;
  /** Null unless the scene has one. */
  readonly minimega: DoubleMinimega | null;
  /** What `npm start` runs, as a separate process. */
  readonly testConsole: TestConsole;
  readonly me: Person;
}

export const test = base.extend<object, WorkerFixtures>({
  scene: [
    { lab: 'e2e', nodes: 0, cluster: 'none', me: 'admin' },
    { option: true, scope: 'worker' },
  ],

  chromium: [
    // Playwright wants a list of what comes before, even an empty one.
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      await access(chromiumPath).catch(() => {
        throw new AppError('not-found', `${chromiumPath} is missing: run npm run setup`);
      });
      await use(undefined);
    },
    { scope: 'worker', auto: true },
  ],

  lab: [
    async ({ scene }, use) => {
      const lab = openLab({ name: scene.lab });
      if (scene.nodes === 0) {
        await use(lab);
        return;
      }
      await lab.down();
      try {
        const options = { nodes: scene.nodes, ...(scene.login === undefined ? {} : { login: scene.login }) };
        const failed = (await lab.up(options)).filter(({ error }) => error !== null);
        if (failed.length > 0) throw new AppError('failed', failed.map((node) => node.error ?? '').join('\n'));
        await use(lab);
      } finally {
        await lab.down();
      }
    },
    { scope: 'worker', timeout: setUpMs },
  ],

  minimega: [
    async ({ scene }, use) => {
      if (scene.minimega === undefined) {
        await use(null);
        return;
      }
      const folder = await mkdtemp(join(tmpdir(), 'meshdeck-double-'));
      const double = await DoubleMinimega.start({ folder, names: scene.minimega });
      await use(double);
      await double.stop();
      await rm(folder, { recursive: true, force: true });
    },
    { scope: 'worker' },
  ],

  testConsole: [
    async ({ scene, lab, minimega }, use) => {
      const data = await makeDataFolder();
      try {
        if (scene.cluster === 'meshed') await makeCluster(lab, scene.nodes, data.path);
        const nodes = scene.minimega ?? [];
        const sockets = nodes.flatMap((name) => (minimega ? ['--minimega', minimega.socketOf(name)] : []));
        const testConsole = await startConsole(data.path, sockets);
        await use(testConsole);
        await testConsole.stop();
      } finally {
        await data.remove();
      }
    },
    { scope: 'worker', timeout: setUpMs },
  ],

  me: [
    async ({ scene, browser, testConsole }, use) => {
      const me = await openPerson(browser, testConsole.url, scene.screen === 'phone' ? { viewport: phone } : {});
      if (scene.me === 'admin') await makeFirstAdmin(me, testConsole.setupLink);
      await use(me);
      await me.context.close();
    },
    { scope: 'worker', timeout: setUpMs },
  ],
});

async function makeCluster(lab: Lab, nodes: number, dataPath: string): Promise<void> {
  const meshdeck = (...args: string[]) =>
    localRunner.run([process.execPath, cli, '--data', dataPath, ...args], {
      timeoutMs: 300_000,
      stdin: `${nodePassword}\n`,
    });
  const list = (await nodeList(lab)).replaceAll('\n', ',');
  await meshdeck('nodes', 'add', list, '--run', '--json', '--accept-new', '--password-stdin');
  await meshdeck('deploy', `node[1-${nodes}]`, '--head', 'node1', '--context', 'john', '--run', '--json');
}
