// A cluster of meshds as processes of this machine: the built program, each with its own base, identity and port.
// Views come from Watch on each daemon's command socket, which makes every daemon send its host's facts to all the others
// once a second: work that serf's agents beside it do not have.
import { join } from 'node:path';
import type { Child } from '../host/child.ts';
import { startChild } from '../host/child.ts';
import { localRunner } from '../host/runner.ts';
import type { MortalCluster } from './cluster.ts';
import { Views, whenAllSee } from './cluster.ts';
import { residentMb } from './facts.ts';
import type { LocalNodes } from './identities.ts';
import { benchContext, makeIdentities } from './identities.ts';
import { followMeshd, memberNames } from './meshd-view.ts';

const root = new URL('..', import.meta.url).pathname;
export const builtTree = join(root, 'dist/meshd');
const firstPort = 17_100;
const startTimeoutMs = 60_000;

/** Builds the program tree; does nothing when nothing changed. */
export async function buildTree(): Promise<void> {
  await localRunner.run([process.execPath, join(root, 'scripts/build-agent.ts'), '--quiet'], { timeoutMs: 300_000 });
}

export interface MeshdsOptions {
  readonly size: number;
  readonly degree: number;
  /** What the daemons log; `warn` unless given. */
  readonly logLevel?: 'debug' | 'info' | 'warn';
  /** Gets each line that a daemon logs. */
  readonly onLog?: (node: number, line: string) => void;
}

export interface Meshds extends MortalCluster {
  /** Path of a node's command socket. */
  socketOf(node: number): string;
  nameOf(node: number): string;
}

/** Starts all at once. Each joins as soon as it runs: `join` has nothing to tell. */
export async function startMeshds(options: MeshdsOptions): Promise<Meshds> {
  const identities = await makeIdentities(options.size, firstPort);
  try {
    return await start(options, identities);
  } catch (error) {
    await identities.remove();
    throw error;
  }
}

async function start(
  { size, degree, logLevel = 'warn', onLog }: MeshdsOptions,
  identities: LocalNodes,
): Promise<Meshds> {
  const startedAtMs = performance.now();
  const views = new Views(size);
  const children: (Child | undefined)[] = Array.from({ length: size }, () => undefined);
  const indexByName = new Map(identities.nodes.map((node, index) => [node.name, index]));
  const unfollow: (() => void)[] = [];
  const failure = new AbortController();
  const nodeAt = (index: number) => {
    const node = identities.nodes[index];
    if (!node) throw new RangeError(`no node ${index}`);
    return node;
  };
  const startNode = async (index: number) => {
    const node = nodeAt(index);
    const flags = [
      '-degree',
      String(degree),
      '-context',
      benchContext,
      '-port',
      String(node.port),
      '-level',
      logLevel,
      '-nostdin',
    ];
    const argv = [join(builtTree, 'bin/meshd'), '-base', node.base, '-force', ...flags];
    let lastLine = 'it said nothing';
    const child = await startChild(argv, {
      diesWithParent: true,
      onLine: (line) => {
        lastLine = line;
        onLog?.(index, line);
      },
    });
    children[index] = child;
    void child.ended.then(({ exitCode }) => {
      // By a signal it ends because we want it to.
      if (exitCode !== null) failure.abort(new Error(`meshd ${node.name} ended with ${exitCode}: ${lastLine}`));
    });
  };
  const stop = async () => {
    for (const end of unfollow) end();
    await Promise.all(children.flatMap((child) => (child ? [child.stop()] : [])));
    await identities.remove();
  };
  const socketOf = (index: number) => join(nodeAt(index).base, 'meshd');
  try {
    for (const index of identities.nodes.keys()) {
      unfollow.push(
        followMeshd({
          path: () => Promise.resolve(socketOf(index)),
          onState: (state) =>
            views.set(index, new Set(memberNames(state).flatMap((name) => indexByName.get(name) ?? []))),
        }),
      );
      await startNode(index);
    }
    const cluster = { name: 'meshd', views: views.views, subscribe: views.subscribe.bind(views) };
    const all = [...identities.nodes.keys()];
    const isUp = (members: ReadonlySet<number>) => members.size > 0;
    const readyAtMs = await whenAllSee(cluster, all, {
      isReached: isUp,
      timeoutMs: startTimeoutMs,
      signal: failure.signal,
    });
    return {
      ...cluster,
      name: 'ours',
      size,
      startedAtMs,
      readyAtMs,
      join: () => Promise.resolve(),
      signal: (index, signal) => void children[index]?.kill(signal),
      restart: startNode,
      memoryMb: () => Promise.all(children.map((child) => residentMb(child?.pid ?? 0))),
      stop,
      socketOf,
      nameOf: (index) => nodeAt(index).name,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
