// One node: its file system, its power, its processes, and running programs in it. Nothing here uses the node's network
// or its sshd, so that all of it works while a fault has cut either.
import { cp, mkdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { AppError } from '../contract/errors.ts';
import { isAlive, startDetached } from '../host/detached.ts';
import { CommandError, localRunner, type RunOptions, type RunResult } from '../host/runner.ts';
import { ensureGroup, killGroup, processesOfGroup } from './cgroups.ts';
import { labSource, nodePaths, readFaults, type LabPaths, type NodePaths } from './layout.ts';
import { processIdentitySchema } from './lock.ts';
import { mountsBelow } from './mounts.ts';
import { plugNode, unplugNode } from './network.ts';
import { machineName, type LabPlan, type NodePlan } from './plan.ts';
import { isNamed, observeNode, parseNamespacePids, type NodeProcess } from './node-processes.ts';

/** The password of root (`--login root`) or of the user debian (`--login sudo`). A lab reaches nobody but this machine. */
export const nodePassword = 'lab';
export const sudoUser = 'debian';

const keyTypes = ['rsa', 'ecdsa', 'ed25519'];

async function ensureMounted(paths: NodePaths, imageFolder: string): Promise<void> {
  for (const folder of [paths.root, paths.upper, paths.work]) await mkdir(folder, { recursive: true });
  if ((await mountsBelow(paths.root)).includes(paths.root)) return;
  const layers = `lowerdir=${imageFolder},upperdir=${paths.upper},workdir=${paths.work}`;
  await localRunner.run(['mount', '-t', 'overlay', 'meshdeck-lab', '-o', layers, paths.root]);
}

/** Gives a node what the installer would have asked for: name, keys, login. Does nothing the second time. */
export async function prepareNode(paths: LabPaths, plan: LabPlan, node: NodePlan, cache: string): Promise<void> {
  const own = nodePaths(paths, node.name);
  await ensureMounted(own, join(cache, plan.image));
  if (await isFile(own.preparedFile)) return;
  const etc = (path: string) => join(own.root, 'etc', path);
  await writeFile(etc('hostname'), `${node.name}\n`);
  await writeFile(
    etc('hosts'),
    `127.0.0.1\tlocalhost\n127.0.1.1\t${node.name}\n\n::1\tlocalhost ip6-localhost ip6-loopback\n` +
      'ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n',
  );
  const first = plan.nodes[0];
  if (plan.cloneIdentity && first && first.name !== node.name) {
    const model = nodePaths(paths, first.name).root;
    await cp(join(model, 'etc/machine-id'), etc('machine-id'));
    for (const type of keyTypes) {
      for (const suffix of ['', '.pub']) {
        const file = `etc/ssh/ssh_host_${type}_key${suffix}`;
        await cp(join(model, file), join(own.root, file), { preserveTimestamps: true });
      }
    }
  } else {
    await writeFile(etc('machine-id'), `${randomBytes(16).toString('hex')}\n`, { mode: 0o444 });
    await localRunner.run(['chroot', own.root, 'ssh-keygen', '-A']);
  }
  await setLogin(own, plan.login);
  await writeFile(own.preparedFile, '');
}

async function setLogin(paths: NodePaths, login: LabPlan['login']): Promise<void> {
  if (login === 'root') {
    await localRunner.run(['chroot', paths.root, 'chpasswd'], { stdin: `root:${nodePassword}\n` });
    const file = join(paths.root, 'etc/ssh/sshd_config');
    const config = await readFile(file, 'utf8');
    await writeFile(file, config.replace(/^#?PermitRootLogin .*$/m, 'PermitRootLogin yes'));
    return;
  }
  const groups = ['--groups', 'sudo', '--create-home', '--shell', '/bin/bash'];
  await localRunner.run(['chroot', paths.root, 'useradd', ...groups, sudoUser]);
  await localRunner.run(['chroot', paths.root, 'chpasswd'], { stdin: `${sudoUser}:${nodePassword}\n` });
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

const groupOf = (node: string) => `nodes/${node}`;
const keeperGroupOf = (node: string) => `keepers/${node}`;

/** Powers a node on: plugs it in and starts its keeper. Returns at once, long before it has booted. */
export async function startNode(paths: LabPaths, plan: LabPlan, node: NodePlan, cache: string): Promise<void> {
  const own = nodePaths(paths, node.name);
  if (await isOn(paths, node.name)) return;
  await prepareNode(paths, plan, node, cache);
  await plugNode(paths, plan, node, await readFaults(paths));
  const inGroup = join(labSource, 'in-cgroup.sh');
  const keeperGroups = await ensureGroup(paths.lab, keeperGroupOf(node.name));
  const nodeGroups = await ensureGroup(paths.lab, groupOf(node.name));
  const nspawn = [
    'systemd-nspawn',
    '--quiet',
    '--register=no',
    '--keep-unit',
    '--link-journal=no',
    '--resolv-conf=off',
    '--timezone=off',
    '--console=pipe',
    '--kill-signal=SIGRTMIN+3',
    `--machine=${machineName(paths.lab, node.name)}`,
    `--hostname=${node.name}`,
    `--directory=${own.root}`,
    `--network-namespace-path=${own.namespace}`,
    // With a namespace given by path nspawn does not take the network for private, and withholds it.
    '--capability=CAP_NET_ADMIN',
    '--bind=/dev/net/tun',
    '--boot',
  ];
  const keeper = [
    ...[join(labSource, 'keep-node.sh'), process.execPath, join(labSource, 'main.ts')],
    ...[paths.base, paths.lab, node.name, '--', inGroup, ...nodeGroups, '--', ...nspawn],
  ];
  const identity = await startDetached([inGroup, ...keeperGroups, '--', ...keeper], {
    logFile: own.consoleLog,
    env: {
      // One cgroup 2 tree inside, as Debian 12 boots, whatever the host has.
      SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1',
      // Namespaced, and set by those who route or bridge on a node.
      SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'network',
    },
  });
  await writeFile(own.keeperFile, JSON.stringify(identity));
}

/** Cuts a node's power: every process dies at once, without shutdown. Its disk stays. */
export async function cutPower(paths: LabPaths, node: NodePlan): Promise<void> {
  // The keeper first: otherwise it would take the node's end for a reboot.
  await killGroup(paths.lab, keeperGroupOf(node.name));
  // The cable before the processes: the kernel closes a killed process's connections, and a machine without power says no goodbye.
  await unplugNode(paths, node);
  await killGroup(paths.lab, groupOf(node.name));
  await forgetMachine(paths, node.name);
  await rm(nodePaths(paths, node.name).keeperFile, { force: true });
}

/** Removes what systemd-nspawn leaves in /run on this machine when it is killed. */
export async function forgetMachine(paths: LabPaths, node: string): Promise<void> {
  const root = await stat(nodePaths(paths, node).root).catch(() => null);
  const folder = '/run/systemd/nspawn';
  if (root) await rm(`${folder}/locks/inode-${root.dev}:${root.ino}`, { force: true });
  await rm(`${folder}/propagate/${machineName(paths.lab, node)}`, { recursive: true, force: true });
  await rm(`${folder}/unix-export/${machineName(paths.lab, node)}`, { recursive: true, force: true });
}

/** True from power on until the last process is gone. */
export async function isOn(paths: LabPaths, node: string): Promise<boolean> {
  const text = await readFile(nodePaths(paths, node).keeperFile, 'utf8').catch(() => null);
  if (text !== null && isAlive(processIdentitySchema.parse(JSON.parse(text)))) return true;
  return (await processesOfGroup(paths.lab, groupOf(node))).length > 0;
}

/** The pid, on this machine, of the node's PID 1; null while the node is off. */
export async function leaderOf(paths: LabPaths, node: string): Promise<number | null> {
  for (const pid of await processesOfGroup(paths.lab, groupOf(node))) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    // One namespace below ours: a container inside the node has its own PID 1 one deeper.
    if (parseNamespacePids(status)[1] === 1 && parseNamespacePids(status).length === 2) {
      // Before it execs, nspawn's child is PID 1 as well, and still on this machine's root.
      const root = await readlink(`/proc/${pid}/exe`).catch(() => '');
      if (root.endsWith('/systemd')) return pid;
    }
  }
  return null;
}

/** The last lines on a node's console, where systemd and nspawn say why they end. */
export async function consoleTail(paths: LabPaths, node: string): Promise<string> {
  const log = await readFile(nodePaths(paths, node).consoleLog, 'utf8').catch(() => '');
  return log.trim().split('\n').slice(-3).join(' | ') || 'its console is empty';
}

/** Waits until a node has its PID 1. @throws AppError `timeout` with the end of its console */
export async function waitForLeader(paths: LabPaths, node: string, timeoutMs: number): Promise<number> {
  const endAt = performance.now() + timeoutMs;
  for (;;) {
    const leader = await leaderOf(paths, node);
    if (leader !== null) return leader;
    const isDead = !(await isOn(paths, node));
    if (isDead || performance.now() > endAt) {
      const why = isDead ? 'it ended at once' : `no PID 1 within ${timeoutMs} ms`;
      throw new AppError('timeout', `${node}: ${why}: ${await consoleTail(paths, node)}`);
    }
    await sleep(50);
  }
}

/**
 * Runs argv in a node as root, in its namespaces and with its PID 1's capabilities. Killed when the caller gives up; its
 * background processes keep running.
 * @throws CommandError, AppError as Runner.run; AppError `unreachable` when the node is off
 */
export async function runInNode(
  paths: LabPaths,
  node: string,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const leader = await leaderOf(paths, node);
  if (leader === null) throw new AppError('unreachable', `${node} is off: \`fault power ${node} on\` boots it`);
  const groups = await ensureGroup(paths.lab, `${groupOf(node)}/exec`);
  const status = await readFile(`/proc/${leader}/status`, 'utf8');
  const environment = {
    HOME: '/root',
    USER: 'root',
    LOGNAME: 'root',
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...(process.env.TERM === undefined ? {} : { TERM: process.env.TERM }),
    ...options.env,
  };
  const enter = [
    ...[join(labSource, 'in-cgroup.sh'), ...groups, '--'],
    ...[
      'nsenter',
      '--target',
      `${leader}`,
      '--mount',
      '--uts',
      '--ipc',
      '--net',
      '--pid',
      '--cgroup',
      '--root',
      '--wd',
    ],
    ...['--', '/usr/bin/env', '-i', `--chdir=${options.cwd ?? '/root'}`],
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ...['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--inh-caps=-all', boundingSet(status), '--'],
  ];
  const { env: _env, cwd: _cwd, ...rest } = options;
  try {
    return await localRunner.run([...enter, ...argv], rest);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new CommandError(node, argv, error);
  }
}

/** setpriv's option for the bounding set in a /proc/<pid>/status: without it a program could set this machine's clock. */
export function boundingSet(status: string): string {
  const mask = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const kept: string[] = [];
  for (let bit = 0; bit < 64; bit++) if ((mask >> BigInt(bit)) & 1n) kept.push(`+cap_${bit}`);
  return `--bounding-set=${['-all', ...kept].join(',')}`;
}

/** Sends a signal to every process of a node that has this name. @returns how many got it */
export async function signalByName(
  paths: LabPaths,
  node: string,
  name: string,
  signal: NodeJS.Signals,
): Promise<number> {
  const leader = await leaderOf(paths, node);
  if (leader === null) throw new AppError('unreachable', `${node} is off: nothing runs in it`);
  const matching: NodeProcess[] = (await observeNode(leader)).filter((each) => isNamed(each, name));
  if (matching.length === 0) throw new AppError('not-found', `${node}: no process named ${name}`);
  for (const { pid } of matching) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has already ended.
    }
  }
  return matching.length;
}

/** The path on this machine of a path in a node. @throws AppError `invalid` where the node keeps memory, not disk */
export function pathInNode(paths: LabPaths, node: string, path: string): string {
  const absolute = resolve('/', path);
  if (/^\/(tmp|run|dev|proc|sys)(\/|$)/.test(absolute)) {
    throw new AppError('invalid', `${absolute} on ${node} is not on its disk: use exec, or another folder`);
  }
  return join(nodePaths(paths, node).root, absolute);
}
