// The cluster of mesh-node.ts processes: our side of the join bench.
import type { Child } from '../host/child.ts';
import { startChild } from '../host/child.ts';
import type { Cluster } from './cluster.ts';
import { Views } from './cluster.ts';
import { residentMb } from './facts.ts';
import type { LocalNodes } from './identities.ts';
import { makeIdentities } from './identities.ts';
import { within } from './rounds.ts';

const program = new URL('./mesh-node.ts', import.meta.url).pathname;
const compileCache = new URL('../.cache/bench/compiled', import.meta.url).pathname;
const firstPort = 17_200;
/** A node with degree 0 looks for absent members from its second second on: all must listen before that. */
const listenWithinMs = 1_900;

export interface MeshNodesOptions {
  readonly size: number;
  readonly degree: number;
}

export async function startMeshNodes(options: MeshNodesOptions): Promise<Cluster> {
  const identities = await makeIdentities(options.size, firstPort);
  try {
    return await start(options, identities);
  } catch (error) {
    await identities.remove();
    throw error;
  }
}

async function start({ size, degree }: MeshNodesOptions, identities: LocalNodes): Promise<Cluster> {
  const startedAtMs = performance.now();
  const views = new Views(size);
  const children: Child[] = [];
  const said: string[] = Array.from({ length: size }, () => '');
  let onSaid = (): void => undefined;
  const stop = async () => {
    await Promise.all(children.map((child) => child.stop()));
    await identities.remove();
  };
  const untilAllSay = (word: string, timeoutMs: number) => {
    const all = new Promise<void>((resolve) => {
      onSaid = () => {
        if (said.every((last) => last === word)) resolve();
      };
      onSaid();
    });
    return within(all, timeoutMs, () => `mesh nodes say ${JSON.stringify(said)}, not ${word}`);
  };
  try {
    for (const [index, node] of identities.nodes.entries()) {
      children.push(
        await startChild([process.execPath, program, node.identityFolder, String(node.port), String(degree)], {
          diesWithParent: true,
          env: { NODE_COMPILE_CACHE: compileCache },
          hasInput: true,
          onLine: (line) => {
            const [word = '', ...ids] = line.split(' ');
            if (word === 'members') {
              views.set(index, new Set(ids.flatMap((id) => identities.indexOf(id) ?? [])));
              return;
            }
            said[index] = word === 'ready' || word === 'listening' ? word : line;
            onSaid();
          },
        }),
      );
    }
    await untilAllSay('ready', 60_000);
    for (const child of children) child.write('listen\n');
    await untilAllSay('listening', listenWithinMs);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: 'ours',
    size,
    views: views.views,
    subscribe: views.subscribe.bind(views),
    startedAtMs,
    readyAtMs: performance.now(),
    join() {
      for (const child of children) child.write('join\n');
      return Promise.resolve();
    },
    memoryMb: () => Promise.all(children.map((child) => residentMb(child.pid))),
    stop,
  };
}
