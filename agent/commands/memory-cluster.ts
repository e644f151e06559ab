// For tests: several dispatchers in one process, whose Peers call each other directly. A real implementation of Peers
// with nothing between the nodes: unknown names and silent nodes answer as the mesh's do.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Handlers } from './handler.ts';
import type { Peers, PeerSendOptions } from './peers.ts';

export interface MemoryClusterOptions {
  readonly names: readonly string[];
  readonly handlers: (name: string, peers: Peers) => Handlers;
  readonly filePath?: string;
  /** Nodes that are in the mesh but never answer. */
  readonly silent?: readonly string[];
  readonly onQuit?: (name: string, delayMs: number) => void;
}

export function createMemoryCluster(options: MemoryClusterOptions): Map<string, Dispatcher> {
  const dispatchers = new Map<string, Dispatcher>();
  for (const name of options.names) {
    const send = async (
      target: string,
      line: string,
      { namespace, signal }: PeerSendOptions,
    ): Promise<ResponseEntry[]> => {
      const dispatcher = dispatchers.get(target);
      if (!dispatcher) return [responseEntry(target, { Error: `no node ${target} in the mesh` })];
      if (options.silent?.includes(target)) return [responseEntry(target, { Error: 'timed out' })];
      const entries = await dispatcher.executeForMember(line, { nodeId: `id-${name}`, name, namespace, signal });
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
          handlers: options.handlers(name, peers),
          peers,
          vlanRange: (namespace) => (namespace === defaultNamespace ? { min: 101, max: 4096 } : null),
          quit: (delayMs) => options.onQuit?.(name, delayMs),
          meshTimeoutMs: () => 1000,
        },
      ),
    );
  }
  return dispatchers;
}
