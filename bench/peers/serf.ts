// A cluster of serf agents (Debian's serf, default LAN timing), each on its own address below 127.0.0.0/8. Their views
// come from the event lines that agents print as things happen; running agents are asked to join over RPC. (With -join
// an agent holds its lines back until it has joined, which would hide when it saw whom.)
import type { Child } from '../../host/child.ts';
import { startChild } from '../../host/child.ts';
import { localRunner } from '../../host/runner.ts';
import type { MortalCluster } from '../cluster.ts';
import { Views } from '../cluster.ts';
import { residentMb } from '../facts.ts';
import { within } from '../rounds.ts';
import { openSerfRpc } from './serf-rpc.ts';

// Not serf's own ports: an agent of this machine keeps its place.
const gossipPort = 17_946;
const rpcPort = 17_373;

const addressOf = (node: number) => `127.0.3.${node + 1}`;

/** `[INFO] serf: EventMemberFailed: n3 127.0.3.4` and its likes. */
export function parseSerfEvent(line: string): { event: string; node: number } | null {
  const match = /serf: EventMember(Join|Leave|Failed|Reap): n(\d+) /.exec(line);
  if (!match?.[1] || !match[2]) return null;
  return { event: match[1], node: Number(match[2]) };
}

/** Version of serf on this machine, or null when serf is missing. */
export async function serfVersion(): Promise<string | null> {
  try {
    const { stdout } = await localRunner.run(['dpkg-query', '-W', '-f', '${Version}', 'serf']);
    await localRunner.run(['serf', 'version']);
    return stdout.trim();
  } catch {
    return null;
  }
}

export async function startSerfCluster(size: number): Promise<MortalCluster> {
  const startedAtMs = performance.now();
  const views = new Views(size);
  const agents: (Child | undefined)[] = Array.from({ length: size }, () => undefined);

  const startAgent = async (node: number) => {
    views.set(node, new Set());
    let ready = (): void => undefined;
    const isReady = new Promise<void>((resolve) => (ready = resolve));
    const argv = ['serf', 'agent', '-profile=lan', `-node=n${node}`];
    const child = await startChild(
      [...argv, `-bind=${addressOf(node)}:${gossipPort}`, `-rpc-addr=${addressOf(node)}:${rpcPort}`],
      {
        diesWithParent: true,
        onLine: (line) => {
          const seen = parseSerfEvent(line);
          if (!seen) return;
          const members = new Set(views.views[node]);
          if (seen.event === 'Join') members.add(seen.node);
          else members.delete(seen.node);
          views.set(node, members);
          // Its own event is the last line of its start: the sockets are open by then.
          if (seen.node === node) ready();
        },
      },
    );
    agents[node] = child;
    const early = child.ended.then((end) => {
      throw new Error(`serf agent ${node} ended with ${end.exitCode ?? end.signal ?? ''}; is port ${gossipPort} free?`);
    });
    early.catch(() => undefined);
    await within(Promise.race([isReady, early]), 10_000, () => `serf agent ${node} prints no event`);
  };
  const stop = async () => {
    await Promise.all(agents.flatMap((agent) => (agent ? [agent.stop()] : [])));
  };
  const joinSeed = async (nodes: readonly number[]) => {
    const connections = await Promise.all(nodes.map((node) => openSerfRpc(addressOf(node), rpcPort)));
    return {
      join: () => Promise.all(connections.map((rpc) => rpc.join(`${addressOf(0)}:${gossipPort}`))),
      close: () => connections.forEach((rpc) => rpc.close()),
    };
  };

  const all = Array.from({ length: size }, (_, node) => node);
  try {
    await Promise.all(all.map(startAgent));
  } catch (error) {
    await stop();
    throw error;
  }
  const readyAtMs = performance.now();
  const seed = await joinSeed(all.slice(1)).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    name: 'serf',
    size,
    views: views.views,
    subscribe: views.subscribe.bind(views),
    startedAtMs,
    readyAtMs,
    async join() {
      await seed.join();
      seed.close();
    },
    signal(node, signal) {
      agents[node]?.kill(signal);
    },
    async restart(node) {
      await startAgent(node);
      const again = await joinSeed([node]);
      await again.join();
      again.close();
    },
    memoryMb: () => Promise.all(agents.map((agent) => residentMb(agent?.pid ?? 0))),
    stop,
  };
}
