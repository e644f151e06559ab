// For tests: several dispatchers in one process, whose Peers call each other directly. A real implementation of Peers
// with nothing between the nodes: unknown names and silent nodes answer as the mesh's do. Namespaces are the real ones.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { createSystemClock } from '../mesh/clock.ts';
import { Launches } from '../namespaces/launches.ts';
import { Namespaces } from '../namespaces/namespaces.ts';
import { MemoryMeshes } from '../tables/memory-mesh.ts';
import { MemoryTextStore } from '../tables/memory-table-store.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Handlers } from './handler.ts';
import { createNsHandlers } from './ns.ts';
import type { Peers, PeerSendOptions } from './peers.ts';

export interface MemoryClusterOptions {
  readonly names: readonly string[];
  readonly handlers: (name: string, peers: Peers) => Handlers;
  readonly filePath?: string;
  /** Nodes that are in the mesh but never answer. */
  readonly silent?: readonly string[];
  /** VMs that are lost; none unless given. */
  readonly lostVms?: (namespace: string) => readonly VmRecord[];
  /** Which node has the VM with this UUID; none unless given. */
  readonly holderOf?: (namespace: string, uuid: string) => string | null;
  /** Gets each line that one node sends to another, and how long it waits. */
  readonly onSend?: (line: string, timeoutMs: number) => void;
  readonly onQuit?: (name: string, delayMs: number) => void;
}

export async function createMemoryCluster(options: MemoryClusterOptions): Promise<Map<string, Dispatcher>> {
  const dispatchers = new Map<string, Dispatcher>();
  const meshes = new MemoryMeshes();
  const nodes = options.names.map((name, at) => ({
    id: String(at + 1).padStart(32, '0'),
    name,
    addresses: ['192.0.2.1'],
    port: 9000,
    keyHash: '0'.repeat(64),
    state: 'member' as const,
  }));
  const head = nodes[0]?.id ?? '';
  const roster = { roster: { cluster: '0'.repeat(32), context: 'test', head, version: 1, nodes } };
  for (const { id, name } of nodes) {
    const mesh = meshes.join(id, name);
    if (options.silent?.includes(name)) meshes.silent.add(id);
    const namespaces = await Namespaces.open(
      { checkMs: 10_000 },
      {
        mesh,
        roster,
        clock: createSystemClock(),
        random: Math.random,
        store: new MemoryTextStore(),
        log: { warn: () => undefined },
        clusterContent: { end: () => Promise.resolve() },
      },
    );
    const send = async (
      target: string,
      line: string,
      { namespace, signal, timeoutMs }: PeerSendOptions,
    ): Promise<ResponseEntry[]> => {
      options.onSend?.(line, timeoutMs);
      const dispatcher = dispatchers.get(target);
      if (!dispatcher) return [responseEntry(target, { Error: `no node ${target} in the mesh` })];
      if (options.silent?.includes(target)) return [responseEntry(target, { Error: 'timed out' })];
      const entries = await dispatcher.executeForMember(line, { nodeId: id, name, namespace, signal });
      // Answers cross the mesh as JSON.
      return JSON.parse(JSON.stringify(entries)) as ResponseEntry[];
    };
    const peers: Peers = {
      names: () => options.names.filter((other) => other !== name).sort(compareNames),
      send: async (targets, line, sendOptions) =>
        (await Promise.all(targets.map((target) => send(target, line, sendOptions)))).flat(),
    };
    dispatchers.set(
      name,
      new Dispatcher(
        { host: name, version: '0.1.0', filePath: options.filePath ?? '/nonexistent' },
        {
          handlers: { ...createNsHandlers(namespaces, new Launches(Date.now)), ...options.handlers(name, peers) },
          peers,
          namespaces,
          vlanRange: (namespace) => (namespace === defaultNamespace ? { min: 101, max: 4096 } : null),
          quit: (delayMs) => options.onQuit?.(name, delayMs),
          meshTimeoutMs: () => 1000,
          lostVms: options.lostVms ?? (() => []),
          holderOf: options.holderOf ?? (() => null),
        },
      ),
    );
  }
  return dispatchers;
}
