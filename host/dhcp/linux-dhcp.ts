// DHCP servers of this machine: a dnsmasq each, as a user that owns nothing else, in its own network namespace, which holds its interface alone. So
// a guest reaches nothing of the machine over it, and two VLANs may have the same addresses.
import { watch } from 'node:fs';
import { chmod, chown, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseLeases, type Lease } from '../../core/dhcp/config-text.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { startChild } from '../child.ts';
import { isAlive, readProcessIdentity, startDetached, type ProcessIdentity } from '../detached.ts';
import { writeFileAtomic } from '../files.ts';
import { raiseInterface } from '../ovs/node-links.ts';
import { CommandError, localRunner } from '../runner.ts';
import type { DhcpHost, DhcpOrder } from './dhcp-host.ts';

/** Users of servers: this number and the server's id, above those of VMs (qemu/launcher.ts). systemd calls them unused. */
const firstUser = 2_110_000_000;
const maxId = 1_000_000;
const timeoutMs = 20_000;
/** A server that cannot use its settings ends at once. */
const settleMs = 150;
const endMs = 3_000;
const maxWords = 1_000;
const maxLeaseBytes = 1024 * 1024;

export interface LinuxDhcpOptions {
  /** Folder that holds a folder for each server. */
  readonly base: string;
  /** Begins the names of network namespaces. */
  readonly prefix: string;
  /** argv that enters the switch's network namespace; empty for this one. */
  readonly within: readonly string[];
}

const rights = '-all,+net_admin,+net_bind_service';

/** argv that becomes dnsmasq with the right to hold its ports and to tell the kernel where a guest is, and with no other. */
export function dnsmasqArgv(user: number, config: string): string[] {
  return [
    ...['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--no-new-privs'],
    ...[`--inh-caps=${rights}`, `--ambient-caps=${rights}`, `--bounding-set=${rights}`, '--'],
    ...['dnsmasq', '--keep-in-foreground', '--log-facility=-', `--conf-file=${config}`],
  ];
}

export function createLinuxDhcp({ base, prefix, within }: LinuxDhcpOptions): DhcpHost {
  const folderOf = (id: number) => join(base, String(id));
  const configOf = (id: number) => join(folderOf(id), 'dnsmasq.conf');
  const logOf = (id: number) => join(folderOf(id), 'log');
  const leasesOf = (id: number) => join(folderOf(id), 'leases', 'leases');
  const networkOf = (id: number) => `${prefix}${id}`;
  const run = (argv: readonly string[]) => localRunner.run(argv, { timeoutMs });

  async function networks(): Promise<string[]> {
    return (await readdir('/run/netns').catch(() => [])).filter((name) => name.startsWith(prefix));
  }

  /** dnsmasq names its configuration among its words; so does setpriv before it becomes dnsmasq. */
  async function processesOf(id: number): Promise<ProcessIdentity[]> {
    const word = `--conf-file=${configOf(id)}`;
    const found: ProcessIdentity[] = [];
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
      const identity = readProcessIdentity(Number(name));
      const words = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      if (identity && words.split('\0').includes(word)) found.push(identity);
    }
    return found;
  }

  async function end(id: number): Promise<void> {
    for (const identity of await processesOf(id)) await endProcess(identity);
  }

  async function lastWords(id: number): Promise<string> {
    const text = await readFile(logOf(id), 'utf8').catch(() => '');
    const last = text.trim().split('\n').slice(-2).join(' ');
    return last.replaceAll(/dnsmasq(-dhcp)?(\[\d+\])?: /g, '').slice(0, maxWords);
  }

  const insideOf = (id: number) => ['nsenter', `--net=/run/netns/${networkOf(id)}`, '--'];
  const has = (place: readonly string[], tap: string) =>
    run([...place, 'ip', 'link', 'show', 'dev', tap]).then(
      () => true,
      () => false,
    );

  async function place({ id, tap, address, isOwnNetwork }: Omit<DhcpOrder, 'config'>): Promise<void> {
    if (!isOwnNetwork) return raiseInterface(tap, address, within);
    const name = networkOf(id);
    if (!(await networks()).includes(name)) await run(['ip', 'netns', 'add', name]);
    const inside = insideOf(id);
    if (await has(within, tap)) {
      // Open vSwitch was started again: the one inside belonged to the switch before, and nobody holds it.
      if (await has(inside, tap)) await run([...inside, 'ip', 'link', 'del', 'dev', tap]);
      await run([...within, 'ip', 'link', 'set', 'dev', tap, 'netns', name]);
    }
    await raiseInterface(tap, address, inside);
  }

  return {
    folderOf,
    lastWords,
    isPlaced: async ({ id, tap, isOwnNetwork }) =>
      isOwnNetwork && (await has(insideOf(id), tap)) && !(await has(within, tap)),
    async start(order) {
      const { id } = order;
      if (!Number.isInteger(id) || id < 0 || id > maxId) throw new RangeError(`${id} is not the id of a server`);
      await end(id);
      const user = firstUser + id;
      const leases = leasesOf(id);
      await mkdir(join(folderOf(id), 'leases'), { recursive: true });
      for (const folder of [base, folderOf(id)]) await chmod(folder, 0o711);
      await chmod(join(folderOf(id), 'leases'), 0o755);
      await chown(join(folderOf(id), 'leases'), user, user);
      await writeFileAtomic(configOf(id), order.config(leases), { mode: 0o644 });
      await rm(logOf(id), { force: true });
      await place(order);
      const inside = order.isOwnNetwork ? insideOf(id) : within;
      const argv = [...inside, ...dnsmasqArgv(user, configOf(id))];
      // It may have ended before it could be looked at.
      const started = await startDetached(argv, { logFile: logOf(id), isCleanEnv: true }).catch(
        (error: unknown) => error,
      );
      await sleep(settleMs);
      if (isIdentity(started) && isAlive(started)) return started;
      const words = await lastWords(id);
      throw new AppError('failed', words || 'dnsmasq ended at once: is the package dnsmasq-base there?');
    },
    isRunning: isAlive,
    onEnd: awaitEnd,
    followLeases: (id, told) => followLeases(leasesOf(id), told),
    stop: end,
    async remove(id) {
      await end(id);
      const name = networkOf(id);
      if ((await networks()).includes(name)) {
        await run(['ip', 'netns', 'del', name]).catch(async (error: unknown) => {
          if ((await networks()).includes(name)) throw new AppError('failed', `${name}: ${wordsOf(error)}`);
        });
      }
      await rm(folderOf(id), { recursive: true, force: true });
    },
    async found() {
      const folders = await readdir(base).catch(() => []);
      const names = (await networks()).map((name) => name.slice(prefix.length));
      return [...new Set([...folders, ...names])].filter((name) => /^\d{1,7}$/.test(name)).map(Number);
    },
  };
}

/** Calls `ended` when it has ended; returns what ends that. */
function awaitEnd(identity: ProcessIdentity, ended: () => void): () => void {
  // A program that waits for it, since a daemon before this one may have started it.
  let isOver = false;
  const waiting = startChild(['tail', `--pid=${identity.pid}`, '-f', '/dev/null'], { diesWithParent: true });
  void waiting
    .then((child) => child.ended)
    .then(
      () => {
        if (!isOver) ended();
      },
      () => undefined,
    );
  const stop = () => {
    isOver = true;
    void waiting.then(
      (child) => child.kill('SIGKILL'),
      () => undefined,
    );
  };
  return stop;
}

/** Tells the leases of a file now and whenever they change; returns what ends that. */
function followLeases(file: string, told: (leases: Lease[]) => void): () => void {
  let last = '';
  let timer: NodeJS.Timeout | null = null;
  let isOver = false;
  const look = async () => {
    const size = await stat(file).then(
      (found) => found.size,
      () => 0,
    );
    const text = size > maxLeaseBytes ? '' : await readFile(file, 'utf8').catch(() => '');
    if (isOver || text === last) return;
    last = text;
    told(parseLeases(text));
  };
  // It writes line by line, and what comes at once is one look.
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = null;
      void look();
    }, 50);
  };
  let watcher: ReturnType<typeof watch> | null = null;
  try {
    watcher = watch(dirname(file), soon);
    watcher.on('error', () => undefined);
  } catch {
    // Its folder is gone: it gives out nothing.
  }
  void look();
  return () => {
    isOver = true;
    if (timer) clearTimeout(timer);
    watcher?.close();
  };
}

const wordsOf = (error: unknown) => (error instanceof CommandError ? error.stderr.trim() : describeError(error));

const isIdentity = (value: unknown): value is ProcessIdentity =>
  typeof value === 'object' && value !== null && 'startTicks' in value;

async function endProcess(identity: ProcessIdentity): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!isAlive(identity)) return;
    try {
      process.kill(identity.pid, signal);
    } catch {
      return;
    }
    for (let waited = 0; waited < endMs && isAlive(identity); waited += 20) await sleep(20);
  }
}
