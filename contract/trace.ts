// The path between two VMs, hop by hop, as `vlans trace` gives it in Data.
import { z } from 'zod';
import { ProbeResult } from './probe.ts';

export const TraceHop = z.object({
  vlan: z.number().int(),
  node: z.string(),
  place: z.enum(['vm', 'tap', 'port', 'bridge', 'uplink', 'switches']),
  /** Of the tap, the bridge, …; of `switches` the node at the other end. */
  name: z.string(),
  state: z.enum(['ok', 'broken', 'unknown']),
  /** What was seen there, in words. */
  evidence: z.string(),
});
export type TraceHop = z.infer<typeof TraceHop>;

export const TraceResult = z.object({
  /** From the first VM to the second, for each VLAN that both are on. */
  hops: z.array(TraceHop),
  /** What the switches between both nodes were found to do; null when both VMs are on one node, or nothing could be tested. */
  probe: ProbeResult.nullable(),
});
export type TraceResult = z.infer<typeof TraceResult>;

/** What the node of a VM says of its part of the path. */
export const TracedVm = z.object({
  name: z.string().max(253),
  /** As `vm info` shows it. */
  state: z.string().max(32),
  nics: z
    .array(
      z.object({
        vlan: z.number().int().min(-1).max(4_094),
        bridge: z.string().max(64),
        tap: z.string().max(64),
        tapState: z.enum(['missing', 'down', 'unheld', 'up']),
        /** How the switch treats the tap, such as `VLAN 100 on mega_bridge`; empty when it has no port. */
        port: z.string().max(64_000),
        /** It is as the VM has it. */
        isPortRight: z.boolean(),
        /** Why the switch does not forward for the port; empty when it does. */
        portFailure: z.string().max(4_096),
      }),
    )
    .max(256),
  uplink: z.object({
    bridge: z.string().max(64),
    name: z.string().max(64),
    /** Of the VLANs above: those that leave by it with their tag. */
    passes: z.array(z.number().int()).max(256),
    whyNot: z.string().max(4_096),
  }),
});
export type TracedVm = z.infer<typeof TracedVm>;
