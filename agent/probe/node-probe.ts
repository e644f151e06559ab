// A node's part in a probe of VLANs: it holds the place of one probe at a time, sends its frames, counts those of the others, and keeps all of them
// from its VMs. SPEC section P.
//
// INVARIANT: what it holds ends by `probe-end`, by its deadline or with this process; on the bridges by their flows' own time limit in any case.
import { AppError, describeError } from '../../contract/errors.ts';
import { Arrivals, type ProbeReport } from '../../core/probe/arrivals.ts';
import { frameSizes, probeEtherType, probeSourcePrefix } from '../../core/probe/frame.ts';
import { framesOf, planRound, probeSource } from '../../core/probe/plan.ts';
import { describeVlans } from '../../core/probe/texts.ts';
import type { ProbePort, SwitchHost } from '../../host/ovs/switch-host.ts';
import { passesTagged } from '../../host/ovs/uplink.ts';
import type { Log } from '../log.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Requester } from '../mesh/requests.ts';
import {
  ArmAsk,
  armKind,
  EndAsk,
  endKind,
  maxOddArrivals,
  maxRounds,
  ReportAsk,
  reportKind,
  SendAsk,
  sendKind,
  type ArmAnswer,
} from './messages.ts';

/** How often a frame may come beyond what is sent, before all of it is taken for a circle. */
const repeatsAtMost = 4;
const strangeAtMost = 1_000;

export interface NodeProbeComponents {
  readonly mesh: Pick<Mesh, 'nodeId' | 'nameOf' | 'serve'>;
  readonly host: Pick<SwitchHost, 'openProbe'>;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
}

interface Held {
  readonly ask: ArmAsk;
  readonly asker: Requester;
  readonly sinceMs: number;
  /** In the run's list of nodes; -1 for a node that only keeps frames from its VMs. */
  readonly place: number;
  /** By number of the round: other nodes may begin one before this one is asked to. */
  readonly rounds: readonly Arrivals[];
  readonly over: AbortController;
  readonly timer: Timer;
  opening: Promise<ProbePort> | null;
  port: ProbePort | null;
  lastFrameMs: number;
}

export class NodeProbe {
  private readonly components: NodeProbeComponents;
  private held: Held | null = null;

  constructor(components: NodeProbeComponents) {
    this.components = components;
    const { mesh } = components;
    mesh.serve(armKind, (body, { from, signal }) => this.arm(ArmAsk.parse(body), from, signal));
    mesh.serve(sendKind, (body, { from, signal }) => this.send(SendAsk.parse(body), from, signal));
    mesh.serve(reportKind, (body, { from, signal }) => this.report(ReportAsk.parse(body), from, signal));
    mesh.serve(endKind, async (body, { from }) => {
      const { run, lingerMs } = EndAsk.parse(body);
      const { held } = this;
      if (held?.ask.run !== run || held.asker.nodeId !== from.nodeId) return {};
      held.over.abort(over());
      if (lingerMs > 0) await new Promise<void>((resolve) => components.clock.after(lingerMs, resolve));
      await this.end(held);
      return {};
    });
  }

  /** The others still send: what keeps that from VMs stays until it ends on its own. */
  stop(): void {
    this.held?.timer.cancel();
    this.held?.over.abort(over());
  }

  /** @throws AppError `conflict` with whose probe is under way */
  private async arm(ask: ArmAsk, asker: Requester, signal: AbortSignal): Promise<ArmAnswer> {
    const { mesh, host, clock } = this.components;
    this.assertFree();
    const place = ask.nodes.indexOf(mesh.nodeId);
    const { run, nodes, vlans } = ask;
    const held: Held = {
      ...{ ask, asker, place, sinceMs: clock.now(), opening: null, port: null, lastFrameMs: 0 },
      rounds: Array.from(
        { length: maxRounds },
        (_, at) => new Arrivals({ run, round: at + 1, nodes: nodes.length }, vlans),
      ),
      over: new AbortController(),
      timer: clock.after(ask.holdMs, () => void this.end(held)),
    };
    this.held = held;
    const none = { bridge: '', uplink: '', mtu: 0, notCarried: [] };
    try {
      held.opening = host.openProbe({
        match: { etherType: probeEtherType, sourcePrefix: probeSourcePrefix },
        holdMs: ask.holdMs,
        onFrame: place < 0 ? null : (frame) => this.take(held, frame),
        framesAtMost: framesAtMost(ask),
        onLost: (why) => held.over.abort(new AppError('failed', why)),
      });
      held.port = await held.opening;
    } catch (error) {
      await this.end(held);
      return { ...none, isShielded: false, whyNot: describeError(error) };
    }
    if (signal.aborted || held.over.signal.aborted) {
      await this.end(held);
      throw new AppError('cancelled', 'the probe was given up while it began');
    }
    const { uplink, whyNot } = held.port;
    if (!uplink) return { ...none, isShielded: true, whyNot };
    const notCarried = ask.vlans.filter((vlan) => !passesTagged(uplink.vlan, vlan));
    return { isShielded: true, whyNot: '', bridge: uplink.bridge, uplink: uplink.name, mtu: uplink.mtu, notCarried };
  }

  private async send({ run, round, mtu }: SendAsk, from: Requester, signal: AbortSignal): Promise<object> {
    const held = this.holding(run, from);
    const { port, place, ask } = held;
    if (!port?.uplink || place < 0) throw new AppError('refused', 'this node takes no part in the probe');
    const frames = framesOf(ofProbe(round, ask), {
      ...{ run, origin: place, source: probeSource(this.components.mesh.nodeId) },
      mtu: Math.min(mtu, port.uplink.mtu),
    });
    const fastest = planRound(1, { nodes: ask.nodes.length, vlans: ask.vlans }).perSecond;
    await port.send(frames, {
      perSecond: Math.min(round.perSecond, fastest),
      signal: AbortSignal.any([signal, held.over.signal]),
    });
    return {};
  }

  /** Once nothing came for a while: what is on its way is waited for. */
  private async report({ run, round }: ReportAsk, from: Requester, signal: AbortSignal): Promise<ProbeReport> {
    const held = this.holding(run, from);
    const { clock } = this.components;
    const begun = clock.now();
    for (;;) {
      const now = clock.now();
      const quietMs = now - Math.max(begun, held.lastFrameMs);
      const waitMs = Math.min(round.quietMs - quietMs, begun + round.longestMs - now);
      if (waitMs <= 0) break;
      await new Promise<void>((resolve) => clock.after(waitMs, resolve));
      signal.throwIfAborted();
      held.over.signal.throwIfAborted();
    }
    const arrivals = held.rounds[round.round - 1];
    if (!arrivals || held.place < 0) throw new AppError('refused', 'this node takes no part in the probe');
    const { whole, odd, isCut } = arrivals.report(ofProbe(round, held.ask));
    return { whole, odd: odd.slice(0, maxOddArrivals), isCut: isCut || odd.length > maxOddArrivals };
  }

  private take(held: Held, frame: Uint8Array): void {
    held.lastFrameMs = this.components.clock.now();
    held.rounds.some((arrivals) => arrivals.take(frame));
  }

  private assertFree(): void {
    const { mesh, clock } = this.components;
    if (!this.held) return;
    const { asker, sinceMs, ask } = this.held;
    const seconds = Math.round((clock.now() - sinceMs) / 1_000);
    throw new AppError(
      'conflict',
      `${mesh.nameOf(mesh.nodeId)} takes part in a probe of ${describeVlans(ask.vlans)} that ${asker.name} began ${seconds} s ago: try again when it is over, in a minute at most`,
    );
  }

  /** @throws AppError `refused` unless this node asked for the probe that is held */
  private holding(run: string, from: Requester): Held {
    const { held } = this;
    if (held?.ask.run !== run || held.asker.nodeId !== from.nodeId)
      throw new AppError('refused', 'this probe is over here');
    held.over.signal.throwIfAborted();
    return held;
  }

  private async end(held: Held): Promise<void> {
    held.timer.cancel();
    held.over.abort(over());
    try {
      // If it is only beginning, that is waited for: nothing is left behind then.
      const port = await held.opening?.catch(() => null);
      await port?.close();
    } catch (error) {
      this.components.log.warn(`flows of a probe end within ${held.ask.holdMs / 1_000} s: ${describeError(error)}`);
    } finally {
      // Not before they are gone: the next probe's would go with them.
      if (this.held === held) this.held = null;
    }
  }
}

/** Numbers of a round that were in the probe from the start. */
const ofProbe = <Round extends { readonly vlans: readonly number[] }>(round: Round, { vlans }: ArmAsk): Round => ({
  ...round,
  vlans: round.vlans.filter((vlan) => vlans.includes(vlan)),
});

const over = () => new AppError('cancelled', 'the probe is over');

const framesAtMost = ({ nodes, vlans }: Pick<ArmAsk, 'nodes' | 'vlans'>): number => {
  const copies = ([1, 2] as const).reduce((sum, round) => sum + planRound(round, { nodes: 2, vlans }).copies, 0);
  return strangeAtMost + repeatsAtMost * nodes.length * vlans.length * copies * frameSizes.length;
};
