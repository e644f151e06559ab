// This node in its mesh: the `mesh` and `ca` commands. The mesh itself is passed in, since every part may ask other nodes.
import { join } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { moveHead, revokeNode } from '../../core/mesh/roster.ts';
import { rangeHint } from '../../core/ranges/parse-range.ts';
import { resolveBelow } from '../../host/below.ts';
import { createMeshHandlers } from '../commands/mesh.ts';
import type { Deployer } from '../deploy/deployer.ts';
import { sealAuthority } from '../identity/ca-copy.ts';
import type { ClusterState } from '../identity/identity.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { MeshPeers } from '../mesh/peers.ts';
import type { SettingsFile } from '../settings.ts';
import type { Part } from './part.ts';

export interface MeshPartComponents {
  readonly mesh: Mesh;
  readonly peers: MeshPeers;
  readonly cluster: ClusterState;
  readonly settings: SettingsFile;
  readonly deployer: Deployer;
  /** `mesh timeout` sets it. */
  readonly timeout: { ms: number };
}

export function createMeshPart(
  paths: { readonly state: string; readonly files: string },
  { mesh, peers, cluster, settings, deployer, timeout }: MeshPartComponents,
): Part {
  const { identity, roster } = cluster;
  const head = () => {
    if (cluster.head && roster.roster.head === identity.nodeId) return cluster.head;
    const name = roster.node(roster.roster.head)?.name ?? 'the head';
    throw new AppError('refused', `that is the head's: ${name} holds the CA; run it there`);
  };
  return {
    handlers: createMeshHandlers({
      mesh,
      peers,
      timeout,
      saveDegree: (degree) => settings.update({ degree }),
      resolvePath: (name) => resolveBelow(paths.files, name),
      revoke: async (name) => {
        const node = roster.nodeByName(name);
        if (!node) throw new AppError('not-found', `no node ${name} in the roster${rangeHint(name)}`);
        await head().editor.edit((current) => revokeNode(current, node.id));
      },
      moveAuthority: (name) =>
        deployer.moveAuthority(name, {
          caFolder: join(paths.state, 'ca'),
          moveHead: async (nodeId) => {
            await head().editor.edit((current) => moveHead(current, nodeId));
          },
        }),
      copyAuthority: () => ({ cluster: identity.cluster, ...sealAuthority(head().authority) }),
    }),
    kinds: [],
    stop: () => undefined,
  };
}
