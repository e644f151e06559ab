// The path between two VMs, hop by hop, as `vlans trace` gives it in Data.
import { z } from 'zod';
import { ProbeResult } from './probe.ts';

export const TraceHop = z.object({
  vlan: z.number().int(),
  node: z.string(),
  place: z.enum(['vm', 'tap', 'port', 'bridge', 'flows', 'uplink', 'switches']),
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

const Count = z.number().int().nonnegative();
const Counted = z.object({ flows: Count, packets: Count });

/** OpenFlow flows that decide about the frames of a tap. */
export const TracedFlows = z.object({
  /** Why the switch does not tell; empty when it does. */
  failure: z.string().max(4_096),
  /** Flows that take some of its frames before `rest` does: meshd's copies, and those of others. */
  ours: Counted,
  others: Counted,
  /** The flow that takes all other frames; null when none does, so that they are dropped. `packets`: of all ports, unless it is for the tap alone. */
  rest: z
    .object({
      does: z.enum(['normal', 'drop', 'other']),
      packets: Count,
      priority: Count,
      isOfPort: z.boolean(),
    })
    .nullable(),
});
export type TracedFlows = z.infer<typeof TracedFlows>;

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
        /** A meshd of the version before does not tell. */
        flows: TracedFlows.optional(),
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
