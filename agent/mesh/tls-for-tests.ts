// Real members on 127.0.0.1 for tests: a head with its CA in a folder, and nodes with certificates from that CA. All run in
// one process.
import { createId, createKeyPair } from '../identity/certificates.ts';
import { createAuthority, type Authority } from '../identity/authority.ts';
import type { Identity } from '../identity/identity.ts';
import { indexRoster, RosterEditor, RosterStore, type VerifiedRoster } from '../identity/roster-store.ts';
import type { Roster, RosterNode } from '../../contract/roster.ts';
import { createSystemClock } from './clock.ts';
import { Mesh } from './mesh.ts';
import { TlsTransport } from './tls-transport.ts';

export const silentLog = { debug: () => undefined, info: () => undefined, warn: () => undefined };

export interface TlsMember {
  identity: Identity;
  node: RosterNode;
}

export class TlsCluster {
  readonly authority: Authority;
  readonly members: TlsMember[] = [];
  readonly meshes: Mesh[] = [];
  readonly stores: RosterStore[] = [];
  private initial: VerifiedRoster | null = null;

  private constructor(authority: Authority) {
    this.authority = authority;
  }

  /** Members node1 … on ports from `firstPort`; node1 is the head. */
  static async create(folder: string, options: { size: number; firstPort: number }): Promise<TlsCluster> {
    const cluster = new TlsCluster(await createAuthority(folder));
    for (let i = 0; i < options.size; i += 1) {
      cluster.members.push(await cluster.issue(`node${i + 1}`, options.firstPort + i));
    }
    const nodes = cluster.members.map((member) => member.node);
    const roster: Roster = {
      cluster: cluster.authority.cluster,
      context: 'secretcontext',
      head: nodes[0]?.id ?? '',
      version: 1,
      nodes,
    };
    cluster.initial = indexRoster(cluster.authority.sign(roster), roster);
    return cluster;
  }

  async issue(name: string, port: number): Promise<TlsMember> {
    const nodeId = createId();
    const keys = createKeyPair();
    const issued = await this.authority.issue({ nodeId, publicKey: keys.publicKeyPem });
    return {
      node: { id: nodeId, name, addresses: ['127.0.0.1'], port, keyHash: issued.keyHash, state: 'member' },
      identity: {
        nodeId,
        cluster: this.authority.cluster,
        keyHash: issued.keyHash,
        keyPem: keys.privateKeyPem,
        certificatePem: issued.certificatePem,
        caPem: this.authority.certificatePem,
      },
    };
  }

  /** `protocolMax`: the newest version unless given. */
  async start(index: number, degree: number, protocolMax?: number): Promise<Mesh> {
    const member = this.members[index];
    if (!member || !this.initial) throw new Error(`no member ${index}`);
    const store = new RosterStore({ path: null, caPem: this.authority.certificatePem }, { initial: this.initial });
    const mesh = new Mesh(
      { nodeId: member.node.id, degree, checkMs: 10_000, ...(protocolMax === undefined ? {} : { protocolMax }) },
      {
        transport: new TlsTransport(
          { identity: member.identity, port: member.node.port, host: '127.0.0.1' },
          { log: silentLog },
        ),
        clock: createSystemClock(),
        random: Math.random,
        roster: store,
        log: silentLog,
      },
    );
    await mesh.start();
    this.stores[index] = store;
    this.meshes[index] = mesh;
    return mesh;
  }

  editor(): RosterEditor {
    const [store] = this.stores;
    if (!store) throw new Error('the head does not run');
    return new RosterEditor({ authority: this.authority, store });
  }

  /** Every node sees all and has its degree. */
  isSettled(): boolean {
    const size = this.meshes.length;
    return (
      this.meshes.every((mesh) => mesh.linkedIds().length >= Math.min(mesh.degree, size - 1)) &&
      this.meshes.every((mesh) => mesh.status().size === size)
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.meshes.map((mesh) => mesh.stop()));
  }
}

/** Waits in real time. @throws when it takes longer */
export async function until(isDone: () => boolean, timeoutMs = 60_000): Promise<void> {
  const start = performance.now();
  while (!isDone()) {
    if (performance.now() - start > timeoutMs) throw new Error(`not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
