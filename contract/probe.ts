// What a VLAN probe found, as `vlans probe` gives it in Data and as pages show it. Facts alone: texts are made from them (core/probe/texts).
import { z } from 'zod';

/**
 * Of the path from one node to another on one VLAN. `silent`: one of both did not answer. `unknown`: one of both cannot take part, it was not
 * tested, or it was tested too long ago.
 */
export const ProbeVerdict = z.enum([
  'ok',
  'blocked',
  'blocked-one-way',
  'untagged',
  'other-vlan',
  'big-lost',
  'doubled',
  'silent',
  'unknown',
]);
export type ProbeVerdict = z.infer<typeof ProbeVerdict>;

const Name = z.string();
const Vlan = z.number().int();

export const ProbedNode = z.object({
  name: Name,
  /** `unable`: it answers, and cannot take part. */
  state: z.enum(['ok', 'silent', 'unable']),
  /** Why it is not `ok`. */
  reason: z.string(),
  /** Empty and 0 where it is not known. */
  bridge: z.string(),
  uplink: z.string(),
  mtu: z.number().int(),
});
export type ProbedNode = z.infer<typeof ProbedNode>;

/** A path that is not `ok` between two nodes that are. */
export const BadPath = z.object({
  vlan: Vlan,
  from: Name,
  to: Name,
  verdict: ProbeVerdict,
  /** VLANs that frames arrived on in place of this one, or beside it; 0 without a tag. */
  arrivedOn: z.array(Vlan),
});
export type BadPath = z.infer<typeof BadPath>;

/** What explains bad paths, the fewest of them. */
export const ProbeCause = z.object({
  /**
   * `port`: the switch port of one node. `bridge-port`: the uplink's own port on a node's bridge. `between`: what joins these groups of nodes.
   * `nowhere`: all ports, or a VLAN that the switches do not have. `path`: this path alone, and no port explains it.
   */
  kind: z.enum(['port', 'bridge-port', 'between', 'nowhere', 'path']),
  symptom: z.enum(['blocked', 'untagged', 'other-vlan', 'big-lost', 'doubled']),
  vlans: z.array(Vlan),
  /** Of `port` and `bridge-port` the one node, of `path` both, of `between` the groups, of `nowhere` all nodes. */
  groups: z.array(z.array(Name)),
  /** Of frames: from the first group, to it, or both. */
  direction: z.enum(['from', 'to', 'both']),
  /** The VLAN that they end up on; 0 unless the symptom is `other-vlan`. */
  arrivedOn: Vlan,
  /** Nodes whose ports explain it as well: it is one of them. */
  or: z.array(Name),
});
export type ProbeCause = z.infer<typeof ProbeCause>;

export const ProbeResult = z.object({
  /** When its last frames were sent, and from when on all its verdicts are `unknown`; ms since 1970. */
  atMs: z.number(),
  staleAtMs: z.number(),
  nodes: z.array(ProbedNode),
  /** `alias` as shown, with its namespace where that is another one; empty for a number without an alias. */
  vlans: z.array(z.object({ vlan: Vlan, alias: z.string() })),
  /** Of the largest frames, without tag and checksum: the smallest MTU of all uplinks and 14. */
  bigBytes: z.number().int(),
  bad: z.array(BadPath),
  causes: z.array(ProbeCause),
  /** Paths that lost frames in the first round and none in the second, by VLAN. They count as `ok`. */
  unsteady: z.array(z.object({ vlan: Vlan, paths: z.number().int() })),
  /** Nodes that got more frames than were sent: frames go in circles. */
  flooded: z.array(Name),
  /** Nodes that could not keep the frames from their VMs, and have VMs on these VLANs. */
  unshielded: z.array(Name),
});
export type ProbeResult = z.infer<typeof ProbeResult>;
