// Simulated nodes: real meshds as processes of this machine, over machines in memory, in one real mesh on the loopback. For
// `npm run dev`, and for the demo where no lab can be. They need no root, and no Linux.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeIdentities, type LocalNode } from '../bench/identities.ts';
import { AppError } from '../contract/errors.ts';
import { startChild, type Child } from '../host/child.ts';

const context = 'simulated';
const degree = 3;
const firstPort = 9_100;
const program = new URL('./simulated-node.ts', import.meta.url).pathname;
/** A machine that lost its power comes back; long enough to look at its loss. */
const bootMs = 20_000;

export interface SimulatedNodes {
  /** Command sockets, one per node. */
  readonly sockets: readonly string[];
  /** The current process: a node that came back is another process. */
  nodes(): { readonly name: string; readonly pid: number }[];
  stop(): Promise<void>;
}

/** Starts them; they find each other in about a second. `say` reports nodes that go and come back. */
export async function startSimulatedNodes(count: number, say: (text: string) => void): Promise<SimulatedNodes> {
  const nameOf = (index: number) => `node${index + 1}`;
  const identities = await makeIdentities(count, await findPorts(count), { context, nameOf });
  const stopping = new AbortController();
  const isStopping = () => stopping.signal.aborted;
  const running = new Map<string, Child>();
  const keepers = identities.nodes.map((node, index) => keep(node, index));

  /** From start to end, again and again, until all is stopped. */
  async function keep(node: LocalNode, index: number): Promise<void> {
    for (let starts = 1; !isStopping(); starts += 1) {
      let lastLine = '';
      const child = await startChild([process.execPath, program, ...argumentsOf(node, index)], {
        hasInput: true,
        onLine: (line) => (lastLine = line),
      });
      running.set(node.name, child);
      if (starts > 1) say(`${node.name} is back: process ${child.pid}`);
      if (isStopping()) void child.stop();
      const { exitCode } = await child.ended;
      running.delete(node.name);
      if (isStopping()) return;
      const why = exitCode === 1 ? ` (${lastLine})` : '';
      say(`${node.name} is off${why}; it boots again in ${bootMs / 1_000} s`);
      await sleep(bootMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  return {
    sockets: identities.nodes.map(({ base }) => join(base, 'meshd')),
    nodes: () => identities.nodes.map(({ name }) => ({ name, pid: running.get(name)?.pid ?? 0 })),
    async stop() {
      stopping.abort();
      await Promise.all([...running.values()].map((child) => child.stop()));
      await Promise.all(keepers);
      await identities.remove();
    },
  };
}

function argumentsOf({ name, base, port }: LocalNode, index: number): string[] {
  const flags = { base, port, context, degree, level: 'error' };
  return [name, String(index + 1), ...Object.entries(flags).map(([flag, value]) => `-${flag}=${value}`), '-nostdin'];
}

/** The first port of so many in a row that are free on the loopback: another demo may run. */
async function findPorts(count: number): Promise<number> {
  for (let first = firstPort; first < firstPort + 100 * count; first += count) {
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
  throw new AppError('failed', `no ${count} free ports in a row from ${firstPort} on`);
}

export function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(true)));
  });
}
