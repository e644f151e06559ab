// Runs a probe of VLANs from the node that was asked: all members hold their places, the chosen ones send, report, and what seems wrong is tested a
// second time. Every step has a deadline, and one result for each node. SPEC section P.
import { AppError } from '../../contract/errors.ts';
import type { ProbedNode, ProbeResult } from '../../contract/probe.ts';
import type { ProbeReport } from '../../core/probe/arrivals.ts';
import { findWrongPaths, type RoundOutcome } from '../../core/probe/matrix.ts';
import { describeTooMuch, holdMs, maxProbeMtu, planRound, sendMs, type ProbeRound } from '../../core/probe/plan.ts';
import { describeOutcome } from '../../core/probe/result.ts';
import { describeVlans } from '../../core/probe/texts.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { Clock } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { isOfVersionBefore, type RequestResult } from '../mesh/requests.ts';
import { ArmAnswer, armKind, endKind, ReportAnswer, reportKind, sendKind } from './messages.ts';

const armMs = 5_000;
const endMs = 3_000;
/** A probe that is given up: frames of other nodes may be on their way. */
const givenUpMs = 500;
/** On top of what a step takes anyway. */
const patienceMs = 5_000;
const headerBytes = 14;

export interface ProbeOrder {
  readonly nodes: readonly { readonly id: string; readonly name: string }[];
  readonly vlans: ProbeResult['vlans'];
}

export interface ProberComponents {
  readonly mesh: Pick<Mesh, 'nodeId' | 'nameOf' | 'memberIds' | 'request'>;
  readonly clock: Pick<Clock, 'wallNow'>;
  /** Of all members, also those that are not in the mesh now. */
  readonly rosterIds: () => readonly string[];
  /** 16 hex digits that nobody can guess. */
  readonly newRun: () => string;
  /** VMs of a node that are on some of these VLANs, as it said last. */
  readonly hasVmsOn: (nodeId: string, vlans: readonly number[]) => boolean;
}

/** A chosen node, while the probe lasts. */
interface Taking {
  readonly id: string;
  readonly name: string;
  state: ProbedNode['state'];
  reason: string;
  answer: ArmAnswer | null;
}

export class Prober {
  private readonly components: ProberComponents;

  constructor(components: ProberComponents) {
    this.components = components;
  }

  /**
   * @throws AppError `invalid` when it is too much or too little, `conflict` with whose probe is under way, `failed` with the reason of
   * each node when fewer than two can take part, `cancelled`. Nothing is left on any node then. `say` hears how far it is.
   */
  async run(
    order: ProbeOrder,
    signal: AbortSignal,
    say: (text: string) => void = () => undefined,
  ): Promise<ProbeResult> {
    const { mesh, newRun } = this.components;
    const vlans = order.vlans.map(({ vlan }) => vlan);
    const size = { nodes: order.nodes.length, vlans };
    const tooMuch = describeTooMuch({ nodes: size.nodes, vlans: vlans.length });
    if (tooMuch !== null) throw new AppError('invalid', tooMuch);
    if (size.nodes < 2)
      throw new AppError('invalid', 'a probe needs two nodes at least: name them with `nodes <range>`');
    const run = newRun();
    const members = [...mesh.memberIds()].sort();
    let lingerMs = givenUpMs;
    try {
      say(`asking ${members.length} nodes for their part`);
      const nodes = order.nodes.map(({ id, name }): Taking => ({ id, name, state: 'ok', reason: '', answer: null }));
      const unshielded = await this.arm({ run, size, members }, nodes, signal);
      const result = await this.test({ run, order, unshielded, say }, nodes, signal);
      lingerMs = 0;
      return result;
    } finally {
      // Not with the signal: what is cancelled ends all the same.
      await mesh.request(members, endKind, { run, lingerMs }, { timeoutMs: endMs });
    }
  }

  /** @returns names of members that cannot keep frames from VMs that they have on these VLANs, as far as is known */
  private async arm(
    {
      run,
      size,
      members,
    }: { run: string; size: { nodes: number; vlans: readonly number[] }; members: readonly string[] },
    nodes: readonly Taking[],
    signal: AbortSignal,
  ): Promise<string[]> {
    const { mesh, hasVmsOn, rosterIds } = this.components;
    const ask = { run, holdMs: holdMs(size), nodes: nodes.map(({ id }) => id), vlans: size.vlans };
    const [first, ...others] = members;
    // The same one for everybody: of two probes that begin together, one ends here before the other nodes are asked.
    const results = await mesh.request(first === undefined ? [] : [first], armKind, ask, { timeoutMs: armMs, signal });
    assertNoConflict(results.values());
    const more = await mesh.request(others, armKind, ask, { timeoutMs: armMs, signal });
    assertNoConflict(more.values());
    signal.throwIfAborted();
    const all = new Map([...results, ...more]);
    const answers = new Map([...all].map(([id, result]) => [id, readAnswer(result)] as const));
    for (const node of nodes) {
      node.answer = answers.get(node.id) ?? null;
      const whyNot = node.answer?.whyNot ?? '';
      if (whyNot !== '') fail(node, 'unable', whyNot);
      else if (!node.answer) failWith(node, all.get(node.id));
    }
    return rosterIds()
      .filter((id) => !answers.get(id)?.isShielded && hasVmsOn(id, size.vlans))
      .map((id) => mesh.nameOf(id))
      .sort(compareNames);
  }

  private async test(
    {
      run,
      order,
      unshielded,
      say,
    }: { run: string; order: ProbeOrder; unshielded: readonly string[]; say: (text: string) => void },
    nodes: readonly Taking[],
    signal: AbortSignal,
  ): Promise<ProbeResult> {
    const { clock } = this.components;
    const vlans = order.vlans.map(({ vlan }) => vlan);
    const able = nodes.filter(({ state }) => state === 'ok');
    if (able.length < 2) {
      const reasons = nodes.filter(({ state }) => state !== 'ok').map(({ name, reason }) => `${name}: ${reason}`);
      throw new AppError('failed', `a probe needs two nodes that can take part: ${reasons.slice(0, 8).join('; ')}`);
    }
    const mtu = Math.min(maxProbeMtu, ...able.map(({ answer }) => answer?.mtu ?? maxProbeMtu));
    const pass = (round: ProbeRound) => this.pass({ run, round, mtu }, nodes, signal);
    say(`testing ${describeVlans(vlans)} between ${describeRange(able.map(({ name }) => name))}`);
    const first = await pass(planRound(1, { nodes: able.length, vlans }));
    const wrong = [...new Set(findWrongPaths(first).map(({ vlan }) => vlan))];
    if (wrong.length > 0) say(`testing ${describeVlans(wrong)} again`);
    const second = wrong.length === 0 ? null : await pass(planRound(2, { nodes: able.length, vlans: wrong }));
    const notCarried = nodes.map(({ answer }, place) => [place, new Set(answer?.notCarried ?? [])] as const);
    return describeOutcome({
      ...{ atMs: clock.wallNow(), vlans: order.vlans, bigBytes: headerBytes + mtu, first, second, unshielded },
      nodes: nodes.map(({ name, state, reason, answer }) => ({
        ...{ name, state, reason },
        ...{ bridge: answer?.bridge ?? '', uplink: answer?.uplink ?? '', mtu: answer?.mtu ?? 0 },
      })),
      notCarried: new Map(notCarried.filter(([, numbers]) => numbers.size > 0)),
    });
  }

  /** One round. A node that fails in it takes no part from then on. */
  private async pass(
    { run, round, mtu }: { run: string; round: ProbeRound; mtu: number },
    nodes: readonly Taking[],
    signal: AbortSignal,
  ): Promise<RoundOutcome> {
    const { mesh } = this.components;
    const ask = async (kind: string, body: object, timeoutMs: number) => {
      const able = nodes.filter(({ state }) => state === 'ok');
      const ids = able.map(({ id }) => id);
      const results = await mesh.request(
        ids,
        kind,
        { run, round, ...body },
        { timeoutMs: timeoutMs + patienceMs, signal },
      );
      signal.throwIfAborted();
      for (const node of able) if (!results.get(node.id)?.ok) failWith(node, results.get(node.id));
      return results;
    };
    await ask(sendKind, { mtu }, sendMs(round));
    const results = await ask(reportKind, {}, round.longestMs);
    const reports = new Map<number, ProbeReport>();
    for (const [place, node] of nodes.entries()) {
      const result = results.get(node.id);
      if (node.state !== 'ok' || !result?.ok) continue;
      const report = ReportAnswer.safeParse(result.body);
      if (report.success) reports.set(place, report.data);
      else fail(node, 'unable', 'its report has no known shape: bring all nodes to one version');
    }
    return { round, reports };
  }
}

function assertNoConflict(results: Iterable<RequestResult>): void {
  for (const result of results)
    if (!result.ok && result.code === 'conflict') throw new AppError('conflict', result.message);
}

function readAnswer(result: RequestResult): ArmAnswer | null {
  const answer = result.ok ? ArmAnswer.safeParse(result.body) : null;
  return answer?.success ? answer.data : null;
}

function fail(node: Taking, state: ProbedNode['state'], reason: string): void {
  node.state = state;
  node.reason = reason;
}

/** The mesh has no answer of it: it is silent. It has one that says no: it cannot. */
function failWith(node: Taking, result: RequestResult | undefined): void {
  if (!result) fail(node, 'silent', 'it is not in the mesh now');
  else if (result.ok) fail(node, 'unable', 'its answer has no known shape: bring all nodes to one version');
  else if (isOfVersionBefore(result)) fail(node, 'unable', 'its meshd knows no probes: upgrade it');
  else if (result.code === 'unreachable') fail(node, 'silent', result.message);
  else if (result.code === 'timeout') fail(node, 'silent', 'it did not answer in time');
  else fail(node, 'unable', result.message);
}
