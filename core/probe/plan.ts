// Which frames a probe sends, how fast, and what it may cost. Pure: no clock, and the run's id comes from outside.
import { hashText } from '../tables/hash.ts';
import { encodeProbeFrame, frameSizes, probeSourcePrefix, smallPayloadBytes } from './frame.ts';

/** Nodes that take part. Of the others no frames are asked, and they keep these from their VMs. */
export const maxProbeNodes = 200;
/** Paths from one node to another, on all VLANs together: a node with 100 others and 40 VLANs takes 16,000 frames. */
export const maxProbePaths = 400_000;
/** What a node sends in a second: 64 bytes and a whole frame by turns are 13 Mbit/s. */
const sentPerSecond = 2_000;
/** What a node takes in a second: Open vSwitch gives each to meshd, and drops those behind the first 100 that wait. */
const takenPerSecond = 3_000;
/** Ethernet has none that are larger, and a frame in a message of OpenFlow has less than 64 kB. */
export const maxProbeMtu = 9_216;

/** One test of some VLANs. What seems wrong in the first is tested in a second one, with more time. */
export interface ProbeRound {
  readonly round: number;
  readonly vlans: readonly number[];
  /** Of each size on each VLAN. */
  readonly copies: number;
  /** Of one node. */
  readonly perSecond: number;
  /** A node reports once nothing came for so long, */
  readonly quietMs: number;
  /** or after so long. */
  readonly longestMs: number;
}

export function planRound(round: 1 | 2, { nodes, vlans }: { nodes: number; vlans: readonly number[] }): ProbeRound {
  const fast = Math.min(sentPerSecond, Math.ceil(takenPerSecond / Math.max(1, nodes - 1)));
  return round === 1
    ? { round, vlans, copies: 2, perSecond: fast, quietMs: 150, longestMs: 1_500 }
    : { round, vlans, copies: 3, perSecond: Math.ceil(fast / 2), quietMs: 400, longestMs: 4_000 };
}

/** All frames of one node in one round, copies of the same as far apart as they can be: what loses one seldom loses both. */
export function framesOf(
  { round, vlans, copies }: Pick<ProbeRound, 'round' | 'vlans' | 'copies'>,
  of: { readonly run: string; readonly origin: number; readonly source: Uint8Array; readonly mtu: number },
): Uint8Array[] {
  const { run, origin, source, mtu } = of;
  return Array.from({ length: copies }, (_, copy) =>
    frameSizes.flatMap((size) =>
      vlans.map((vlan) =>
        encodeProbeFrame(
          { run, origin, vlan, round, copy, size },
          { source, payloadBytes: size === 'small' ? smallPayloadBytes : mtu },
        ),
      ),
    ),
  ).flat();
}

/** How long a node takes to send its part. */
export const sendMs = ({ vlans, copies, perSecond }: ProbeRound): number =>
  Math.ceil((vlans.length * copies * frameSizes.length * 1_000) / perSecond);

/** For nodes that are busy, and two waits for one that has just died: each takes the mesh four seconds. */
const marginMs = 10_000;

/** How long nodes keep their flows when nobody ends the probe: both rounds, with all their waiting. */
export function holdMs(size: { nodes: number; vlans: readonly number[] }): number {
  const rounds = ([1, 2] as const).map((round) => planRound(round, size));
  return marginMs + rounds.reduce((sum, round) => sum + sendMs(round) + round.longestMs, 0);
}

/** Why a probe of this size is refused; null when it is not. */
export function describeTooMuch({ nodes, vlans }: { nodes: number; vlans: number }): string | null {
  if (nodes > maxProbeNodes)
    return `a probe takes ${maxProbeNodes} nodes at most, and these are ${nodes}: name some with \`nodes <range>\``;
  const paths = nodes * (nodes - 1) * vlans;
  return paths > maxProbePaths
    ? `${nodes} nodes on ${vlans} VLANs are ${paths} paths, and a probe tests ${maxProbePaths} at most: name fewer of either`
    : null;
}

/** The address that a node's frames come from, always the same: switches learn one more for each node and VLAN. */
export function probeSource(nodeId: string): Uint8Array {
  const [hash] = hashText(nodeId);
  return Uint8Array.of(...probeSourcePrefix, (hash >>> 16) & 0xff, (hash >>> 8) & 0xff, hash & 0xff);
}
