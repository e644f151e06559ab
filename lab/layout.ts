// Where a lab keeps its files, and the two files that hold its state: the plan and the faults in force.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { writeFileAtomic } from '../host/files.ts';
import type { LabPlan } from './plan.ts';
import { nodeOwners } from './recipe.ts';
import { TrunkFaults } from './trunk-faults.ts';

export const defaultBase = '/var/lib/meshdeck-lab';
export const defaultCache = '/var/cache/meshdeck-lab';

/** Paths of one lab. */
export interface LabPaths {
  base: string;
  lab: string;
  folder: string;
  planFile: string;
  faultsFile: string;
  lockFile: string;
  /** Database, sockets, logs and leases of the switch and of dnsmasq. */
  network: string;
  namespace: string;
}

export function labPaths(base: string, lab: string): LabPaths {
  const folder = join(base, lab);
  return {
    base,
    lab,
    folder,
    planFile: join(folder, 'lab.json'),
    faultsFile: join(folder, 'faults.json'),
    // Beside the folder, so that `down` holds it while the folder goes.
    lockFile: join(base, `${lab}.lock`),
    network: join(folder, 'network'),
    namespace: join(folder, 'network', 'namespace'),
  };
}

/** Paths of one node of a lab. */
export interface NodePaths {
  folder: string;
  /** The node's file system: the image under its own writable layer. */
  root: string;
  upper: string;
  work: string;
  /** The name of its network namespace. */
  namespace: string;
  keeperFile: string;
  consoleLog: string;
  /** Exists once the node has its keys, name and passwords. */
  preparedFile: string;
}

export function nodePaths(lab: LabPaths, node: string): NodePaths {
  const folder = join(lab.folder, 'nodes', node);
  return {
    folder,
    root: join(folder, 'root'),
    upper: join(folder, 'upper'),
    work: join(folder, 'work'),
    namespace: join(folder, 'namespace'),
    keeperFile: join(folder, 'keeper.json'),
    consoleLog: join(folder, 'console.log'),
    preparedFile: join(folder, 'prepared'),
  };
}

/** This folder, for the two shell scripts that become other programs. */
export const labSource = dirname(fileURLToPath(import.meta.url));

const nodeSchema = z.object({
  name: z.string(),
  index: z.number().int().positive(),
  mac: z.string(),
  address: z.string(),
  port: z.string(),
});
const planSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  prefix: z.string(),
  login: z.enum(['root', 'sudo']),
  cloneIdentity: z.boolean(),
  offload: z.boolean(),
  // Labs of an earlier version of this program have none of the next three.
  owner: z.enum(nodeOwners).default('ifupdown'),
  extra: z.array(z.string()).default([]),
  router: z.boolean().default(false),
  subnet: z.string(),
  image: z.string(),
  nodes: z.array(nodeSchema),
});
const faultsSchema = z.object({
  dhcp: z.enum(['on', 'off', 'other-range']),
  /** Silent: the switch, which is the default router of labs that have one, answers no pings. */
  gateway: z.enum(['on', 'silent']).default('on'),
  /** Nodes whose cable is cut. */
  linkDown: z.array(z.string()),
  /** VLANs that the switch drops, by node. */
  dropped: z.record(z.string(), z.array(z.number())),
  /** What else it does to frames on a node's port. */
  trunks: z.record(z.string(), TrunkFaults).default({}),
  /** Groups of nodes that do not reach each other. */
  groups: z.array(z.array(z.string())),
});

/** Faults of the network, which outlive the command that sets them and power cycles of nodes. */
export type Faults = z.infer<typeof faultsSchema>;

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** The plan of a lab, or null when there is no lab of that name. */
export async function readPlan(paths: LabPaths): Promise<LabPlan | null> {
  const content = await readJson(paths.planFile);
  return content === null ? null : planSchema.parse(content);
}

export function writePlan(paths: LabPaths, plan: LabPlan): Promise<void> {
  return writeFileAtomic(paths.planFile, `${JSON.stringify(plan, null, 2)}\n`);
}

export async function readFaults(paths: LabPaths): Promise<Faults> {
  const content = await readJson(paths.faultsFile);
  return content === null
    ? { dhcp: 'on', gateway: 'on', linkDown: [], dropped: {}, trunks: {}, groups: [] }
    : faultsSchema.parse(content);
}

export function writeFaults(paths: LabPaths, faults: Faults): Promise<void> {
  return writeFileAtomic(paths.faultsFile, `${JSON.stringify(faults, null, 2)}\n`);
}
