// What the lab's switch can do to frames of some VLANs on a node's port, beside dropping them: as flows of a separate bridge between that port and the
// switch, with the node behind port 2. Pure.
import { z } from 'zod';

const Vlans = z.array(z.number().int().min(1).max(4_094));

export const TrunkFaults = z.object({
  /** Frames reach the node without their tag. */
  untag: Vlans.default([]),
  /** Frames from the node are dropped, those to it pass. */
  blockFrom: Vlans.default([]),
  /** The other way round. */
  blockTo: Vlans.default([]),
  /** Frames of more than 1,000 bytes are lost in both directions. */
  loseBig: Vlans.default([]),
  /** Frames from the node continue on another VLAN. */
  move: z.array(z.object({ from: z.number(), to: z.number() })).default([]),
  /** Frames from the node arrive twice. */
  double: Vlans.default([]),
});
export type TrunkFaults = z.infer<typeof TrunkFaults>;

export const noTrunkFaults: TrunkFaults = TrunkFaults.parse({});

export const hasTrunkFaults = (faults: TrunkFaults | undefined): faults is TrunkFaults =>
  faults !== undefined && Object.values(faults).some((list) => list.length > 0);

/** For `ovs-ofctl replace-flows`: port 1 leads to the switch, 2 to the node. */
export function trunkFlows(faults: TrunkFaults): string[] {
  const each = (vlans: readonly number[], flow: (vlan: number) => string) =>
    vlans.map((vlan) => `priority=10,${flow(vlan)}`);
  return [
    ...each(faults.untag, (vlan) => `in_port=1,dl_vlan=${vlan} actions=strip_vlan,output:2`),
    ...each(faults.blockFrom, (vlan) => `in_port=2,dl_vlan=${vlan} actions=drop`),
    ...each(faults.blockTo, (vlan) => `in_port=1,dl_vlan=${vlan} actions=drop`),
    ...each(faults.loseBig, (vlan) => `dl_vlan=${vlan} actions=check_pkt_larger(1000)->NXM_NX_REG0[0],resubmit(,1)`),
    ...faults.move.map(({ from, to }) => `priority=10,in_port=2,dl_vlan=${from} actions=mod_vlan_vid:${to},output:1`),
    ...each(faults.double, (vlan) => `in_port=2,dl_vlan=${vlan} actions=output:1,output:1`),
    'table=1,priority=10,reg0=0x1/0x1 actions=drop',
    ...['', 'table=1,'].flatMap((table) => [
      `${table}priority=1,in_port=1 actions=output:2`,
      `${table}priority=1,in_port=2 actions=output:1`,
    ]),
  ];
}

/** For the lab's status. */
export function describeTrunkFaults(faults: TrunkFaults | undefined): string[] {
  if (!hasTrunkFaults(faults)) return [];
  const list = (what: string, vlans: readonly number[]) =>
    vlans.length > 0 ? [`${what} VLAN ${vlans.join(',')}`] : [];
  return [
    ...list('untags', faults.untag),
    ...list('blocks from the node', faults.blockFrom),
    ...list('blocks to the node', faults.blockTo),
    ...list('loses big frames of', faults.loseBig),
    ...faults.move.map(({ from, to }) => `moves VLAN ${from} to ${to}`),
    ...list('doubles', faults.double),
  ];
}
