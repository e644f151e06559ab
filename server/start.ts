// Builds the console's parts in their order and stops them in the reverse: data folder -> fleet -> runs -> hub -> screens -> http. The
// only place that constructs them; who makes fleet and runs is passed in, so that tests run the rest without a cluster.
import { stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../contract/errors.ts';
import { httpPaths } from '../contract/http-paths.ts';
import { createAuth, type Auth } from './auth/auth.ts';
import { listConsoleKeys } from './ssh/console-key.ts';
import { showBridges } from './plans/bridge/bridge-plans.ts';
import { createRecheck } from './plans/bridge/recheck.ts';
import { CaCopies } from './ssh/ca-copies.ts';
import { isLoopback, proxyList, type Config } from './config.ts';
import { createHttp } from './http/http.ts';
import { foreignOrigin } from './http/origin.ts';
import { createApi } from './api/api.ts';
import { createConsoleDispatcher } from './hub/console-dispatcher.ts';
import { createHub } from './hub/hub.ts';
import { createConsoleServices } from './screens/consoles.ts';
import { nodeServices } from './screens/node-services.ts';
import { createScreens } from './screens/screens.ts';
import type { StreamServices } from './screens/service.ts';
import { uploadStreams } from './screens/uploads.ts';
import { createWallService } from './screens/wall.ts';
import type { CreateFleet, CreateRuns, Log, Part, RunningServer, StoredCluster } from './ports.ts';
import { createRetention } from './retention.ts';
import { databaseName, holdDataFolder, openDataFolder, prepareDataFolder } from './store/data-folder.ts';
import type { SecretBox } from './store/key-file.ts';
import { explainTrouble } from './store/trouble.ts';
import type { ConsoleStore } from './store/types.ts';
import { readVersion } from './version.ts';

export interface Makers {
  readonly createFleet: CreateFleet;
  readonly createRuns: CreateRuns;
  /** Services of nodes that pages may reach, beside those that each console has. */
  readonly services?: StreamServices;
}

/** Starts the console. When a part fails to start, those before it are stopped again. */
export async function startServer(
  config: Config,
  { createFleet, createRuns, services = {}, log }: Makers & { readonly log: Log },
): Promise<RunningServer & { readonly fingerprint: string | null }> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const stopOne of stops.splice(0).reverse()) await stopOne();
  };
  const startPart = async (part: Part) => {
    stops.push(() => part.stop());
    await part.start();
  };
  try {
    const notes = await prepareDataFolder(config.dataPath);
    stops.push(await holdDataFolder(config.dataPath, 'the console'));
    const { store, box, applied, notes: more } = await openDataFolder(config.dataPath);
    for (const note of [...notes, ...more]) log.warn(note);
    if (applied.length > 0) log.info(`database brought up to date: ${applied.join(', ')}`);
    await startPart(store);
    await startPart(createRetention({ log }, { store }));
    await startPart(createRecheck({ log }, store));
    await registerSockets(store, { id: 'local-socket', engine: 'meshd', flag: '--socket' }, config.socketPaths);
    await registerSockets(
      store,
      { id: 'local-minimega', engine: 'minimega', flag: '--minimega' },
      config.minimegaSocketPaths,
    );
    const auth = createConsoleAuth(log, { store, box });
    const fleet = createFleet({ log }, { store });
    await startPart(fleet);
    const runs = createRuns({ log, usesOwnKeys: config.usesOwnKeys }, { store, fleet });
    await startPart(runs);
    const version = readVersion();
    const trusted = proxyList(config.trustedProxies);
    const dispatcher = createConsoleDispatcher(
      { log, version, isSimulated: config.isSimulated, now: Date.now },
      {
        auth,
        fleet,
        runs,
        audit: store.audit,
        hosts: store.hosts,
        consoleKeys: () => listConsoleKeys(store),
        caCopies: new CaCopies({ store, settings: store.settings, now: Date.now }),
        showBridges: (nodes, signal) => showBridges(nodes, store, signal),
      },
    );
    stops.push(() => dispatcher.stop());
    const hub = createHub(
      { log, version, foreignOrigin: (request) => foreignOrigin(request, trusted) },
      { auth, fleet, runs, hosts: store.hosts, dispatcher },
    );
    await startPart(hub);
    const screens = createScreens(
      {
        log,
        now: Date.now,
        foreignOrigin: (request) => foreignOrigin(request, trusted),
        services: {
          ...createConsoleServices({ now: Date.now }, { fleet }),
          wall: createWallService({ log }, { fleet }),
          ...nodeServices,
          ...uploadStreams,
          ...services,
        },
      },
      { auth, audit: store.audit, fleet },
    );
    await startPart(screens);
    const api = createApi(
      { version, foreignOrigin: (request) => foreignOrigin(request, trusted) },
      { auth, dispatcher, fleet, runs, hosts: store.hosts },
    );
    const http = createHttp(
      { config, log, version, now: Date.now },
      { auth, audit: store.audit, hub, screens, api, runs, fleet },
    );
    stops.push(async () => {
      api.stop();
      await http.stop();
    });
    const { url, fingerprint } = await http.start();
    const setupLink = (await auth.hasAdmin()) ? null : setupLinkOf(url, await auth.createSetupToken());
    return { url, fingerprint, setupLink, stop };
  } catch (error) {
    await stop();
    throw explainTrouble(error, join(config.dataPath, databaseName)) ?? error;
  }
}

export function createConsoleAuth(log: Log, { store, box }: { store: ConsoleStore; box: SecretBox }): Auth {
  return createAuth({ log, secret: box.derive('session cookies'), now: Date.now }, { store });
}

/**
 * A new one-time link that makes an admin, for root on the console's machine: `meshdeck admin reset`. The console may run or
 * not; the link before stops working. Returns the path with its query, to put behind the console's address.
 * @throws AppError `not-found` when no console ever started in that folder.
 */
export async function resetAdmin(config: Pick<Config, 'dataPath'>, log: Log): Promise<string> {
  // Opening a folder makes what is missing: a typo must not.
  if (!(await stat(join(config.dataPath, databaseName)).catch(() => null))) {
    throw new AppError('not-found', `no console ever started in ${config.dataPath}: name its folder with --data`);
  }
  const { store, box } = await openDataFolder(config.dataPath);
  try {
    const token = await createConsoleAuth(log, { store, box }).createSetupToken();
    const who = `${userInfo().username} on this machine`;
    const what = 'meshdeck admin reset';
    await store.audit.append({ at: Date.now(), who, what, where: 'console', result: 'ok', message: '' }, 'act');
    return setupLinkOf('', token);
  } finally {
    await store.stop();
  }
}

/** What a person needs to get in, line by line. */
export function describeStart(
  config: Config,
  running: Pick<RunningServer, 'url' | 'setupLink'> & { fingerprint: string | null },
): string[] {
  const port = new URL(running.url).port;
  const lines = [`Meshdeck console: ${running.url}`];
  if (running.fingerprint !== null) lines.push(`  its certificate's SHA-256: ${running.fingerprint}`);
  if (isLoopback(config.host)) {
    lines.push(
      `  from another machine: ssh -L ${port}:${config.host}:${port} root@<this machine>, then open the same link`,
    );
  }
  if (running.setupLink !== null) {
    lines.push('', 'Make the first admin with this link. It works once, for an hour:', `  ${running.setupLink}`);
  }
  return lines;
}

function setupLinkOf(url: string, token: string): string {
  return `${url}${httpPaths.setup}?token=${token}`;
}

/** Command sockets given by flag are a cluster like any other; its id says where it came from. */
async function registerSockets(
  store: ConsoleStore,
  { id, engine, flag }: Pick<StoredCluster, 'id' | 'engine'> & { readonly flag: string },
  socketPaths: readonly string[],
): Promise<void> {
  const known = (await store.clusters.list()).find((cluster) => cluster.id === id);
  if (socketPaths.length === 0) {
    if (known) await store.clusters.remove(id);
    return;
  }
  for (const path of socketPaths) {
    if (!path.startsWith('/')) throw new AppError('invalid', `${flag} ${path}: must be an absolute path`);
  }
  const cluster: StoredCluster = {
    id,
    context: '',
    engine,
    socketPaths,
    addedAt: known?.addedAt ?? Date.now(),
  };
  await store.clusters.put(cluster);
}
