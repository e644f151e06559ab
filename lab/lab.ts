// The lab as tests, benches and the command line use it: N real Linux nodes on one machine.
//
//   const lab = openLab({ name: 'demo' });
//   await lab.up({ nodes: 10 });
//   await lab.exec('node3', ['ip', 'address']);
//   await lab.fault.power('node3', 'off');
//   await lab.down();
//
// A lab is its folder: any process may open it by name and continue. Nothing is kept in memory.
import { cp, mkdir, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { AppError, describeError } from '../contract/errors.ts';
import { localRunner, type RunOptions, type RunResult, type Runner } from '../host/runner.ts';
import { ensureGroup, killGroup } from './cgroups.ts';
import { makeFaults, type LabFaults } from './faults.ts';
import { observeHealth, waitUntilReady, type NodeHealth } from './health.ts';
import { ensureImage, type Progress } from './image.ts';
import {
  defaultBase,
  defaultCache,
  labPaths,
  nodePaths,
  readFaults,
  readPlan,
  writePlan,
  type Faults,
  type LabPaths,
} from './layout.ts';
import { withLock } from './lock.ts';
import { unmountBelow } from './mounts.ts';
import { ensureNetwork, plugNode, removeHostCable } from './network.ts';
import { cutPower, forgetMachine, isOn, leaderOf, pathInNode, prepareNode, runInNode, startNode } from './node.ts';
import {
  describeLabNameIssue,
  describePrefixIssue,
  maxNodes,
  planNode,
  subnetCandidates,
  type LabPlan,
  type Login,
  type NodePlan,
} from './plan.ts';
import type { NodeOwner } from './recipe.ts';
import { assertCanHost, assertInotify } from './requirements.ts';
import { describeTrunkFaults } from './trunk-faults.ts';

export interface LabOptions {
  /** Labs of different names live side by side; `lab` unless given. */
  name?: string;
  /** Holds one folder per lab; /var/lib/meshdeck-lab unless given. */
  base?: string;
  /** Holds built images; /var/cache/meshdeck-lab unless given. */
  cache?: string;
  /** Gets a line for each thing that happens. */
  progress?: Progress;
}

export interface UpOptions {
  /** How many; 1 to 100. A lab that exists and has fewer gets more, one that has more keeps them. */
  nodes: number;
  /** Nodes are named prefix1, prefix2, …; `node` unless given. */
  prefix?: string;
  /** `root` (default): root's password, PermitRootLogin yes. `sudo`: stock Debian, user debian with sudo. */
  login?: Login;
  /** All nodes with the same SSH host keys and machine-id, as machines cloned from one disk. */
  cloneIdentity?: boolean;
  /**
   * Frames reach nodes as large segments: half the work for the machine, and the node's own Open vSwitch cannot
   * have eth0 as a port. Off unless given.
   */
  offload?: boolean;
  /** Who configures the nodes' eth0; `ifupdown`, as the guide has it, unless given. */
  owner?: NodeOwner;
  /** Packages beyond those of the owner's image; none unless given. */
  extra?: readonly string[];
  /** DHCP names the switch as default router. It answers pings and forwards nothing. Off unless given. */
  router?: boolean;
  /** For each node to become ready, in milliseconds; 120,000 unless given. */
  timeoutMs?: number;
}

/** How `up` went for one node. */
export interface NodeResult {
  name: string;
  address: string;
  seconds: number;
  /** Why the node is not ready; null when it is. */
  error: string | null;
}

export interface NodeStatus extends NodeHealth {
  name: string;
  /** The address that the lab's DHCP gives it. */
  plannedAddress: string;
  mac: string;
  /** The faults in force on it, in words. */
  faults: string[];
}

export interface LabStatus {
  name: string;
  login: Login;
  subnet: string;
  dhcp: Faults['dhcp'];
  nodes: NodeStatus[];
}

export interface Lab {
  readonly name: string;
  /** Builds the image that `up` needs with these options, where it is not built yet: minutes on a machine that works. */
  buildImage(options: Pick<UpOptions, 'owner' | 'extra'>): Promise<void>;
  /** Starts the lab, continues a half-started one, or adds nodes. @throws AppError before the first node only */
  up(options: UpOptions): Promise<NodeResult[]>;
  /** Kills and removes everything of the lab, even of a half-started one. Does nothing when it does not exist. */
  down(): Promise<void>;
  /** @throws AppError `not-found` when there is no such lab; so do all methods below */
  status(): Promise<LabStatus>;
  /** All nodes as planned, in order. */
  nodes(): Promise<NodePlan[]>;
  /** The address that a node has while DHCP works as planned. */
  address(node: string): Promise<string>;
  /**
   * Runs argv in a node as root, without its network or sshd; `cwd` is /root unless given. Output that a background child
   * keeps open delays the end: redirect it.
   * @throws CommandError on a non-zero exit, AppError `timeout`, `unreachable` when the node is off
   */
  exec(node: string, argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** `exec` on one node, as the interface that host/ takes. */
  runner(node: string): Runner;
  /** Copies a file or folder of this machine onto a node's disk (/tmp and /run are not on it), also while it is off. */
  copyIn(node: string, from: string, to: string): Promise<void>;
  /** The path on this machine of a path on a node's disk. */
  path(node: string, path: string): Promise<string>;
  /** The path on this machine of a path in a running node, mounts such as /run included: its sockets answer there. */
  livePath(node: string, path: string): Promise<string>;
  /** Waits until a node is ready, after `fault.power(node, 'on')` or a reboot. */
  ready(node: string, options?: { timeoutMs?: number }): Promise<NodeHealth>;
  readonly fault: LabFaults;
  /** Gives a node a fresh network and plugs it in. For the node's keeper, at a reboot. */
  replug(node: string): Promise<void>;
}

/** Calls `work` for each item, at most `cap` at once. */
async function mapWithCap<T, R>(items: readonly T[], cap: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < items.length; index = next++) {
      // In range: the loop's condition says so.
      results[index] = await work(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(cap, items.length) }, lane));
  return results;
}

/** A /24 that no lab and no route of this machine uses. */
async function chooseSubnet(base: string, labName: string): Promise<string> {
  const { stdout } = await localRunner.run(['ip', '-4', 'route', 'show', 'table', 'all']);
  const others = (await readdir(base, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const plans = await Promise.all(others.map((entry) => readPlan(labPaths(base, entry.name)).catch(() => null)));
  const taken = new Set(plans.map((plan) => plan?.subnet));
  const isFree = (subnet: string) => !stdout.includes(`${subnet}.`) && !taken.has(subnet);
  const free = subnetCandidates(labName).find(isFree);
  if (free === undefined) throw new AppError('refused', 'no subnet is left for a lab: `lab down` ends one');
  return free;
}

function assertOptions(options: UpOptions): void {
  if (!Number.isInteger(options.nodes) || options.nodes < 1 || options.nodes > maxNodes) {
    throw new AppError('invalid', `${options.nodes} nodes: a lab has 1 to ${maxNodes}`);
  }
  const issue = options.prefix === undefined ? null : describePrefixIssue(options.prefix);
  if (issue !== null) throw new AppError('invalid', issue);
}

/** The plan that `up` works towards: the lab's own, with nodes added, or a new one. */
async function ensurePlan(paths: LabPaths, options: UpOptions, image: string): Promise<LabPlan> {
  const known = await readPlan(paths);
  const prefix = options.prefix ?? known?.prefix ?? 'node';
  const login = options.login ?? known?.login ?? 'root';
  const cloneIdentity = options.cloneIdentity ?? known?.cloneIdentity ?? false;
  const offload = options.offload ?? known?.offload ?? false;
  const owner = options.owner ?? known?.owner ?? 'ifupdown';
  const extra = [...(options.extra ?? known?.extra ?? [])].sort();
  const router = options.router ?? known?.router ?? false;
  const isSame = (plan: LabPlan) =>
    plan.prefix === prefix &&
    plan.login === login &&
    plan.cloneIdentity === cloneIdentity &&
    plan.offload === offload &&
    plan.owner === owner &&
    plan.extra.join() === extra.join() &&
    plan.router === router;
  if (known && !isSame(known)) {
    throw new AppError(
      'conflict',
      `lab ${paths.lab} exists with other options: \`lab down --name ${paths.lab}\` first`,
    );
  }
  const plan: LabPlan = known ?? {
    version: 1,
    name: paths.lab,
    prefix,
    login,
    cloneIdentity,
    offload,
    owner,
    extra,
    router,
    subnet: await chooseSubnet(paths.base, paths.lab),
    image,
    nodes: [],
  };
  for (let index = plan.nodes.length + 1; index <= options.nodes; index++) plan.nodes.push(planNode(plan, index));
  await writePlan(paths, plan);
  return plan;
}

/** Where a lab is, and who hears what happens. */
interface Place {
  readonly name: string;
  readonly paths: LabPaths;
  readonly cache: string;
  readonly progress: (line: string) => void;
}

const locked = <T>({ name, paths }: Place, work: () => Promise<T>) =>
  withLock(paths.lockFile, { waitMs: 300_000, what: `lab ${name}` }, work);

async function bringUp(
  { paths, cache, progress }: Place,
  plan: LabPlan,
  node: NodePlan,
  timeoutMs: number,
): Promise<NodeResult> {
  const startedAt = performance.now();
  const result = (error: string | null, address = node.address): NodeResult => {
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
    progress(`${node.name}: ${error ?? `ready at ${address} after ${seconds} s`}`);
    return { name: node.name, address, seconds, error };
  };
  try {
    await startNode(paths, plan, node, cache);
    const health = await waitUntilReady(paths, node.name, timeoutMs);
    return result(null, health.addresses[0]);
  } catch (error) {
    return result(describeError(error));
  }
}

async function raise(place: Place, upOptions: UpOptions): Promise<NodeResult[]> {
  const { paths, cache, progress } = place;
  assertOptions(upOptions);
  await assertCanHost();
  const before = await readPlan(paths);
  const image = await ensureImage(cache, progress, {
    owner: upOptions.owner ?? before?.owner,
    extra: upOptions.extra ?? before?.extra,
  });
  await mkdir(paths.base, { recursive: true, mode: 0o755 });
  return locked(place, async () => {
    const known = await readPlan(paths);
    const on = await mapWithCap(known?.nodes.slice(0, upOptions.nodes) ?? [], 8, (node) => isOn(paths, node.name));
    await assertInotify(upOptions.nodes - on.filter(Boolean).length);
    // The whole machine's labs choose subnets one after the other.
    const plan = await withLock(join(paths.base, '.subnets.lock'), { waitMs: 60_000, what: 'subnets' }, () =>
      ensurePlan(paths, upOptions, image).then(async (planned) => {
        await mkdir(paths.network, { recursive: true });
        return planned;
      }),
    );
    await ensureNetwork(paths, plan, await readFaults(paths));
    const wanted = plan.nodes.slice(0, upOptions.nodes);
    // Clones copy the first node's keys, which must be there.
    const first = wanted[0];
    if (plan.cloneIdentity && first) await prepareNode(paths, plan, first, cache);
    const cap = Math.max(2, availableParallelism() * 2);
    return mapWithCap(wanted, cap, (node) => bringUp(place, plan, node, upOptions.timeoutMs ?? 120_000));
  });
}

async function takeDown(place: Place): Promise<void> {
  const { name, paths } = place;
  await locked(place, async () => {
    const plan = await readPlan(paths).catch(() => null);
    await killGroup(name, 'keepers');
    await killGroup(name, '');
    for (const node of plan?.nodes ?? []) await forgetMachine(paths, node.name);
    await unmountBelow(paths.folder);
    if (process.getuid?.() === 0) await removeHostCable(name);
    await rm(paths.folder, { recursive: true, force: true });
  });
  // The last lab removes the common folder; it stays while other labs are in it.
  await rmdir(paths.base).catch(() => undefined);
}

async function observe({ name, paths }: Place, plan: LabPlan): Promise<LabStatus> {
  const faults = await readFaults(paths);
  const nodes = await mapWithCap(plan.nodes, 8, async (node): Promise<NodeStatus> => {
    const group = faults.groups.findIndex((names) => names.includes(node.name));
    const dropped = faults.dropped[node.name] ?? [];
    return {
      name: node.name,
      plannedAddress: node.address,
      mac: node.mac,
      ...(await observeHealth(paths, node.name)),
      faults: [
        ...(faults.linkDown.includes(node.name) ? ['link down'] : []),
        ...(dropped.length > 0 ? [`drops VLAN ${dropped.join(',')}`] : []),
        ...describeTrunkFaults(faults.trunks[node.name]),
        ...(group < 0 ? [] : [`in partition ${group + 1}`]),
      ],
    };
  });
  return { name, login: plan.login, subnet: `${plan.subnet}.0/24`, dhcp: faults.dhcp, nodes };
}

/** Opens a lab by name; it need not exist yet. @throws AppError `invalid` on an impossible name */
export function openLab(options: LabOptions = {}): Lab {
  const name = options.name ?? 'lab';
  const cache = options.cache ?? defaultCache;
  const paths = labPaths(options.base ?? defaultBase, name);
  const progress = options.progress ?? (() => undefined);
  const issue = describeLabNameIssue(name);
  if (issue !== null) throw new AppError('invalid', issue);
  // overlayfs separates its options and layers with these, and sockets have short paths (unix(7)).
  if (/[,:\s\\]/.test(paths.base + cache) || paths.folder.length > 70) {
    throw new AppError('invalid', `folder ${paths.folder}: short, without blanks, ',', ':' and '\\'`);
  }
  const place: Place = { name, paths, cache, progress };

  const planOf = async (): Promise<LabPlan> => {
    const plan = await readPlan(paths);
    if (plan === null) throw new AppError('not-found', `no lab ${name}: \`lab up --nodes 3 --name ${name}\` starts it`);
    return plan;
  };
  const nodeOf = async (node: string): Promise<{ plan: LabPlan; node: NodePlan }> => {
    const plan = await planOf();
    const found = plan.nodes.find((each) => each.name === node);
    if (!found) {
      const names = plan.nodes.map((each) => each.name).join(' ');
      throw new AppError('not-found', `no node ${node} in lab ${name}: it has ${names}`);
    }
    return { plan, node: found };
  };

  const lab: Lab = {
    name,
    async buildImage({ owner, extra }) {
      await ensureImage(cache, progress, { owner, extra });
    },
    up: (upOptions) => raise(place, upOptions),
    down: () => takeDown(place),
    status: async () => observe(place, await planOf()),
    async nodes() {
      return (await planOf()).nodes;
    },
    async address(node) {
      return (await nodeOf(node)).node.address;
    },
    async exec(node, argv, runOptions) {
      await nodeOf(node);
      return runInNode(paths, node, argv, runOptions);
    },
    runner(node) {
      return { where: node, run: (argv, runOptions) => lab.exec(node, argv, runOptions) };
    },
    async copyIn(node, from, to) {
      await nodeOf(node);
      const target = pathInNode(paths, node, to);
      await mkdir(dirname(target), { recursive: true });
      await cp(from, target, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    },
    async path(node, path) {
      await nodeOf(node);
      return pathInNode(paths, node, path);
    },
    async livePath(node, path) {
      await nodeOf(node);
      const leader = await leaderOf(paths, node);
      if (leader === null) throw new AppError('unreachable', `${node} is off: \`fault power ${node} on\` boots it`);
      return `/proc/${leader}/root${path}`;
    },
    async ready(node, readyOptions = {}) {
      await nodeOf(node);
      return waitUntilReady(paths, node, readyOptions.timeoutMs ?? 120_000);
    },
    fault: makeFaults({
      paths,
      planOf,
      nodeOf,
      powerOn: (plan, node) => startNode(paths, plan, node, cache),
      powerOff: (node) => cutPower(paths, node),
    }),
    async replug(node) {
      const found = await nodeOf(node);
      // A reboot that the machine's owner ended by `down` must not come back.
      await stat(nodePaths(paths, node).root);
      await ensureGroup(name, `nodes/${node}`);
      await plugNode(paths, found.plan, found.node, await readFaults(paths));
    },
  };
  return lab;
}
