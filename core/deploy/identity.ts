// Whether a node may join this cluster, and with which identity, from what lies on it.
import type { Roster } from '../../contract/roster.ts';
import type { NodeProbe } from './probe.ts';

/** What a node's certificate says. */
export interface KnownIdentity {
  readonly cluster: string;
  readonly nodeId: string;
  readonly keyHash: string;
  /** End of validity, milliseconds since 1970. */
  readonly validToMs: number;
}

export interface IdentityQuestion {
  /** As the node calls itself, and where it was reached. */
  readonly name: string;
  readonly addresses: readonly string[];
  readonly statePath: string;
  readonly found: NodeProbe['identity'];
  /** The found certificate as read; null when no certificate was found, or meshd did not make it. */
  readonly known: KnownIdentity | null;
  readonly cluster: string;
  readonly roster: Roster;
  /** Whether a node is in the mesh now. */
  readonly isInMesh: (nodeId: string) => boolean;
  readonly nowMs: number;
}

export type IdentityVerdict =
  | { readonly ok: true; readonly keep: string | null; readonly renew: string | null }
  | { readonly ok: false; readonly message: string };

/** A certificate that ends sooner is renewed by a deploy. */
const renewBeforeMs = 30 * 24 * 3_600_000;

/**
 * `keep`: the node id whose identity stays as it is. `renew`: the node id that gets a new key and certificate. Both null: a
 * new node. A node of another cluster is never taken over silently, and a copy of a member's disk never takes its place.
 */
export function judgeIdentity(question: IdentityQuestion): IdentityVerdict {
  const { name, statePath, found, known } = question;
  if (known && known.cluster !== question.cluster) {
    const also = found.holdsCa ? ', whose CA it holds' : '';
    return {
      ok: false,
      message:
        `${name} belongs to another cluster (${known.cluster.slice(0, 8)}…${also}): to take it over, stop its meshd ` +
        `(systemctl disable --now meshd) and move ${statePath} away on ${name}, then deploy again`,
    };
  }
  if (!known && found.holdsCa) {
    return {
      ok: false,
      message: `${name} holds the CA of another cluster in ${statePath}/ca: move ${statePath} away there, then deploy again`,
    };
  }
  if (!known) return { ok: true, keep: null, renew: null };
  const entry = question.roster.nodes.find((node) => node.id === known.nodeId);
  if (entry?.state === 'revoked') {
    return {
      ok: false,
      message:
        `${name} was revoked: to admit it again as a new node, move ${statePath}/identity away on ${name}, ` +
        'then deploy again',
    };
  }
  const hasName = entry?.name.toLowerCase() === name.toLowerCase();
  const hasAddress = entry?.addresses.some((address) => question.addresses.includes(address)) ?? false;
  if (entry && !hasName && !hasAddress && question.isInMesh(entry.id)) {
    return {
      ok: false,
      message:
        `${name} holds the identity of ${entry.name}, which is in the mesh at ${entry.addresses.join(', ')}: its disk was ` +
        `copied; move ${statePath}/identity away on ${name}, then deploy again`,
    };
  }
  const isUsable =
    entry?.keyHash === known.keyHash &&
    found.keyHash !== null &&
    // Without openssl a node cannot compute its key's hash; meshd checks it when it starts.
    (found.keyHash === '' || found.keyHash === known.keyHash) &&
    known.validToMs - question.nowMs > renewBeforeMs;
  if (isUsable) return { ok: true, keep: known.nodeId, renew: null };
  // A certificate is public: only a machine that answers at the member's address, under its name, gets a new key for its id.
  return { ok: true, keep: null, renew: entry && hasName && hasAddress ? entry.id : null };
}
