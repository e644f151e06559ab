// The nodes that the console reaches over SSH, in the browser.
import type { KnownNode, KnownNodesChange } from '../contract/known-nodes.ts';
import type { ConsoleClient } from './client.ts';
import { Collection, type CollectionState } from './collection.ts';

export interface KnownNodesState extends CollectionState {
  /** By the console's own id. */
  readonly nodes: ReadonlyMap<string, KnownNode>;
}

export type KnownNodesCollection = Collection<KnownNodesState, readonly KnownNode[], KnownNodesChange>;

export const noKnownNodes: KnownNodesState = { status: 'loading', nodes: new Map(), error: '' };

export function createKnownNodes(client: ConsoleClient): KnownNodesCollection {
  const collection: KnownNodesCollection = new Collection<KnownNodesState, readonly KnownNode[], KnownNodesChange>({
    client,
    empty: noKnownNodes,
    ask: () => client.call('nodes.known', {}),
    start: (state, nodes) => ({ ...state, nodes: new Map(nodes.map((node) => [node.id, node])) }),
    next: (state, { changed, gone }) => {
      const nodes = new Map(state.nodes);
      for (const node of changed) nodes.set(node.id, node);
      for (const id of gone) nodes.delete(id);
      return { ...state, nodes };
    },
  });
  client.on('nodes.changed', (change) => {
    collection.receive(change);
  });
  return collection;
}
