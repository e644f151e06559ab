// Identities of a cluster whose nodes run as processes of this machine: one CA, and per node a folder as deploy would
// have left it. All nodes have one address and a port each, for meshd listens on all addresses.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Roster, RosterNode } from '../contract/roster.ts';
import { createAuthority } from '../agent/identity/authority.ts';
import { createId, createKeyPair } from '../agent/identity/certificates.ts';
import { writeIdentity } from '../agent/identity/identity.ts';

export const benchContext = 'bench';

export interface IdentitiesOptions {
  /** `bench` unless given. */
  readonly context?: string;
  /** Of the node with this index; `n0`, `n1`, … unless given. */
  readonly nameOf?: (index: number) => string;
}

export interface LocalNode {
  readonly id: string;
  readonly name: string;
  readonly port: number;
  /** For `-base`; the identity lies in `state/identity` below it, where meshd looks for it. */
  readonly base: string;
  readonly identityFolder: string;
}

export interface LocalNodes {
  /** Id of their mesh. */
  readonly cluster: string;
  readonly nodes: readonly LocalNode[];
  /** Index of a node id in `nodes`. */
  indexOf(id: string): number | undefined;
  remove(): Promise<void>;
}

/** `firstPort` and up are the nodes' mesh ports. Nobody holds the CA: no node is the head. */
export async function makeIdentities(
  count: number,
  firstPort: number,
  { context = benchContext, nameOf = (index) => `n${index}` }: IdentitiesOptions = {},
): Promise<LocalNodes> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-mesh-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const authority = await createAuthority(join(folder, 'ca'));
    const made = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const keys = createKeyPair();
        const id = createId();
        const issued = await authority.issue({ nodeId: id, publicKey: keys.publicKeyPem });
        const base = join(folder, `n${index}`);
        const node: LocalNode = {
          id,
          name: nameOf(index),
          port: firstPort + index,
          base,
          identityFolder: join(base, 'state', 'identity'),
        };
        return { node, keys, issued };
      }),
    );
    const entries = made.map(({ node, issued }): RosterNode => ({
      id: node.id,
      name: node.name,
      addresses: ['127.0.0.1'],
      port: node.port,
      keyHash: issued.keyHash,
      state: 'member',
    }));
    const roster: Roster = {
      cluster: authority.cluster,
      context,
      head: entries[0]?.id ?? createId(),
      version: 1,
      nodes: entries,
    };
    const signed = authority.sign(roster);
    for (const { node, keys, issued } of made) {
      await writeIdentity(node.identityFolder, {
        keyPem: keys.privateKeyPem,
        certificatePem: issued.certificatePem,
        caPem: authority.certificatePem,
        roster: signed,
      });
    }
    const indexById = new Map(made.map(({ node }, index) => [node.id, index]));
    return {
      cluster: authority.cluster,
      nodes: made.map(({ node }) => node),
      indexOf: (id) => indexById.get(id),
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
