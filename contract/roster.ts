// The roster: the cluster's nodes as the CA signs them. Admission, dial addresses, revocation and removal are edits of
// it; the mesh floods the newest version. Names are for people, ids are identity.
import { z } from 'zod';

/** 32 hex digits, random, made at first contact. Certificates carry it, and never a name. */
export const NodeId = z.string().regex(/^[0-9a-f]{32}$/);
export type NodeId = z.infer<typeof NodeId>;

export const RosterNode = z.object({
  id: NodeId,
  /** Short hostname, unique in the roster. */
  name: z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/),
  /** Dial addresses (IP or host name, without port), the first preferred. */
  addresses: z.array(z.string().min(1).max(253)).max(16),
  /** TCP port of the mesh. */
  port: z.number().int().min(1).max(65535),
  /** SHA-256 of the public key (SPKI, DER), hex. A certificate with another key is refused. */
  keyHash: z.string().regex(/^[0-9a-f]{64}$/),
  state: z.enum(['member', 'revoked']),
});
export type RosterNode = z.infer<typeof RosterNode>;

export const Roster = z.object({
  /** Cluster id: 32 hex digits, random, one per CA. */
  cluster: z.string().regex(/^[0-9a-f]{32}$/),
  context: z.string(),
  /** Node id of the head: the node that holds the CA's private key. */
  head: NodeId,
  /** Grows by one with each edit; the higher version wins. */
  version: z.number().int().nonnegative(),
  nodes: z.array(RosterNode).max(4096),
  /**
   * Entries taken out so far. A node that missed versions sees from it whether a node came and went meanwhile. Absent: the
   * roster was made by a meshd that does not count.
   */
  removals: z.number().int().nonnegative().optional(),
});
export type Roster = z.infer<typeof Roster>;

/** `body` is the JSON text of a Roster exactly as signed; `signature` is ECDSA P-256 SHA-256 by the CA, base64. */
export const SignedRoster = z.object({ body: z.string(), signature: z.string() });
export type SignedRoster = z.infer<typeof SignedRoster>;
