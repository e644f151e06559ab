// The program tree on its way to a node, over whatever runs argv as root there: SSH, or this machine itself. A file is sent
// compressed and gets its name once it is whole; then one tar has identity, unit and wrapper, and starts the service.
import { sha256Hex } from '../hash.ts';
import type { RunOptions, RunResult } from '../runner.ts';
import { parseProbe } from '../../core/deploy/probe.ts';
import type { NodeProbe } from '../../core/deploy/probe.ts';
import {
  awaitUpgradeScript,
  installScript,
  probeScript,
  receiveScript,
  unpackers,
  upgradeScript,
} from '../scripts/deploy.ts';
import { scriptArgv } from '../scripts/script-argv.ts';
import type { DeployTarget } from '../../core/deploy/steps.ts';
import { packTar } from '../../core/deploy/tar.ts';
import type { TarFile } from '../../core/deploy/tar.ts';
import { installedTree, wrapperText } from '../../core/deploy/tree.ts';
import { openPacked } from './own-tree.ts';
import type { OwnTree, TreeFile } from './own-tree.ts';
import type { Packing } from './packed.ts';

/** Runs argv as root on the node. @throws AppError */
export type RunThere = (argv: readonly string[], options: RunOptions) => Promise<RunResult>;

export interface NodeFolders {
  readonly statePath: string;
  readonly basePath: string;
}

/** Node's official Linux binaries since 18 are built for this glibc. */
export const neededGlibc = '2.28';

/** 40 MB at 1 Mbit/s; SSH's keepalive notices a dead connection long before. The program is a hundredth of that. */
const sendTimeoutsMs = { runtime: 400_000, program: 60_000 } as const;
const progressMs = 500;

/** What is there already. With `port`, also what listens on it. */
export async function probeNode(run: RunThere, folders: NodeFolders, port?: number): Promise<NodeProbe> {
  const asked = port === undefined ? [] : [String(port)];
  const looked = [installedTree, folders.statePath, folders.basePath, ...asked];
  const { stdout } = await run(scriptArgv(probeScript, looked), { timeoutMs: 20_000 });
  return parseProbe(stdout);
}

/** What a node has that runs this tree with this unit. */
export function targetOf({ runtime, program }: OwnTree, unit: string): DeployTarget {
  return {
    runtimeHash: runtime.hash,
    runtimeBytes: runtime.bytes,
    programHash: program.hash,
    programBytes: program.bytes,
    unitHash: sha256Hex(unit),
  };
}

/** What unpacks a file on a node with these programs, and how it is packed for that. */
export function packingFor(tools: NodeProbe['tools']): { unpacker: string; packing: Packing } {
  const unpacker = unpackers.find((tool) => tools.has(tool)) ?? 'gzip';
  return { unpacker, packing: unpacker === 'gzip' ? 'gzip' : 'zstd' };
}

/** Sends one file, packed as the node can unpack it. `onProgress` gets the share that was sent, 0 to 1, twice a second. */
export async function sendTreeFile(
  run: RunThere,
  file: TreeFile,
  tools: NodeProbe['tools'],
  onProgress?: (share: number) => void,
): Promise<void> {
  const { unpacker, packing } = packingFor(tools);
  const packed = openPacked(file, packing);
  const timer = onProgress && setInterval(() => onProgress(packed.progress()), progressMs);
  const { kind, hash, name, mode, bytes } = file;
  const words = [installedTree, kind, hash, name, mode, unpacker, file.packed[packing].sha256, String(bytes)];
  try {
    await run(scriptArgv(receiveScript, words), { timeoutMs: sendTimeoutsMs[kind], stdin: packed.stream });
  } finally {
    clearInterval(timer);
    packed.stream.destroy();
  }
}

/** Places unit, wrapper and `identity`, and does what `action` says with the service (installScript). */
export async function installService(
  run: RunThere,
  tree: OwnTree,
  service: NodeFolders & {
    readonly unit: string;
    readonly action: 'start' | 'upgrade' | 'enable';
    readonly identity?: readonly TarFile[];
  },
): Promise<void> {
  const files = [
    textFile('meshd', wrapperText, 0o755),
    textFile('meshd.service', service.unit, 0o644),
    textFile('upgrade.sh', upgradeScript, 0o644),
    ...(service.identity ?? []),
  ];
  const { statePath, basePath, action } = service;
  const words = [installedTree, statePath, basePath, tree.program.hash, tree.runtime.hash, action];
  // Stopping the old daemon may take 10 s.
  await run(scriptArgv(installScript, words), { stdin: Buffer.from(packTar(files)), timeoutMs: 60_000 });
}

/** How an upgrade ended: `done`, `rolled-back`, `failed`, or `running` after a minute; and the journal of what failed. */
export async function awaitUpgradeEnd(run: RunThere): Promise<{ outcome: string; journal: string }> {
  // Stop and 15 s of patience, then both again for the previous program.
  const { stdout } = await run(scriptArgv(awaitUpgradeScript, [installedTree, '60']), { timeoutMs: 70_000 });
  const [outcome = '', ...said] = stdout.trim().split('\n');
  return { outcome, journal: said.length > 0 ? `; its journal: ${said.slice(-10).join('\n')}` : '' };
}

export function textFile(name: string, text: string, mode: number): TarFile {
  return { name, content: Buffer.from(text), mode };
}
