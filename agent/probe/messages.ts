// What members ask each other in a probe of VLANs, and its bounds. SPEC section P.
import { z } from 'zod';
import { NodeId } from '../../contract/roster.ts';
import { maxCopies } from '../../core/probe/arrivals.ts';
import { frameSizes } from '../../core/probe/frame.ts';
import { maxProbeMtu, maxProbeNodes } from '../../core/probe/plan.ts';
import { maxVlan, minVlan } from '../../core/vlans/names.ts';

export const armKind = 'probe-arm';
export const sendKind = 'probe-send';
export const reportKind = 'probe-report';
export const endKind = 'probe-end';

/** A probe of the most nodes and VLANs, with both rounds, takes a minute. */
export const maxHoldMs = 300_000;
export const maxRounds = 2;
const maxPerSecond = 5_000;
const maxWaitMs = 10_000;
/** Of a report: what arrived as it should takes no place here, and a network where nothing does is as well told by half of it. */
export const maxOddArrivals = 20_000;

const Run = z.string().regex(/^[0-9a-f]{16}$/);
const Vlan = z.number().int().min(minVlan).max(maxVlan);
const Vlans = z.array(Vlan).min(1).max(maxVlan);
const Text = z.string().max(4_096);
const Count = z.number().int().min(0).max(0xffff);

/** `nodes` take part, each with its place in the list; a member that is not among them keeps the frames from its VMs. */
export const ArmAsk = z.object({
  run: Run,
  holdMs: z.number().int().min(1_000).max(maxHoldMs),
  nodes: z.array(NodeId).max(maxProbeNodes),
  vlans: Vlans,
});
export type ArmAsk = z.infer<typeof ArmAsk>;

export const ArmAnswer = z.object({
  /** Frames of the probe reach no VM here. */
  isShielded: z.boolean(),
  /** Why it cannot take part; empty when it does, or when nobody asked it to. */
  whyNot: Text,
  bridge: z.string().max(64),
  uplink: z.string().max(64),
  mtu: z.number().int().min(0).max(1e6),
  /** VLANs of the probe that the uplink's own port does not pass. */
  notCarried: z.array(Vlan).max(maxVlan),
});
export type ArmAnswer = z.infer<typeof ArmAnswer>;

const Round = z.object({
  round: z.number().int().min(1).max(maxRounds),
  vlans: Vlans,
  copies: z.number().int().min(1).max(maxCopies),
  perSecond: z.number().int().min(1).max(maxPerSecond),
  quietMs: z.number().int().min(0).max(maxWaitMs),
  longestMs: z.number().int().min(0).max(maxWaitMs),
});

export const SendAsk = z.object({
  run: Run,
  round: Round,
  mtu: z.number().int().min(46).max(maxProbeMtu),
});
export type SendAsk = z.infer<typeof SendAsk>;

export const ReportAsk = z.object({ run: Run, round: Round });
export type ReportAsk = z.infer<typeof ReportAsk>;

export const ReportAnswer = z.object({
  whole: z.array(z.string().max(maxProbeNodes)).max(maxVlan),
  odd: z
    .array(
      z.object({
        origin: Count,
        vlan: Vlan,
        arrived: z.number().int().min(0).max(4_095),
        size: z.enum(frameSizes),
        copies: Count,
        most: Count,
      }),
    )
    .max(maxOddArrivals),
  isCut: z.boolean(),
});

/** `lingerMs`: it ends at once, and what keeps frames from VMs so much later, as others may still be sending. */
export const EndAsk = z.object({ run: Run, lingerMs: z.number().int().min(0).max(2_000) });
