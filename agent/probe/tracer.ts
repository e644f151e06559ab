// Traces the path between two VMs: asks both nodes for their parts, and has a probe test what is between them. SPEC section P.
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import { TracedVm, type TraceResult } from '../../contract/trace.ts';
import type { ProbeResult } from '../../contract/probe.ts';
import { sharedVlans, traceHops, type TracedSide } from '../../core/probe/trace.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { SwitchHost } from '../../host/ovs/switch-host.ts';
import type { Clock } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { isOfVersionBefore } from '../mesh/requests.ts';
import type { Prober } from './prober.ts';
import { vmPath, type ToldFlows } from './vm-path.ts';

export const lookKind = 'trace-look';
const lookMs = 10_000;
export const LookAsk = z.object({ namespace: z.string().max(64), vm: z.string().max(253) });

export interface TracerComponents {
  readonly mesh: Pick<Mesh, 'nodeId' | 'nameOf' | 'request' | 'serve'>;
  readonly prober: Pick<Prober, 'run'>;
  readonly clock: Pick<Clock, 'wallNow'>;
  /** VMs of this node. */
  readonly list: (namespace: string) => readonly VmRecord[];
  readonly host: Pick<SwitchHost, 'view' | 'flows'>;
  /** The node that a VM is on, as it said last; null for a VM that no node has. */
  readonly nodeOf: (namespace: string, vm: string) => { readonly id: string; readonly name: string } | null;
  readonly aliasOf: (vlan: number, namespace: string) => string;
}

export class Tracer {
  private readonly components: TracerComponents;

  constructor(components: TracerComponents) {
    this.components = components;
    const { mesh, list, host } = components;
    mesh.serve(lookKind, async (body) => {
      const { namespace, vm } = LookAsk.parse(body);
      const record = list(namespace).find(({ name }) => name === vm);
      if (!record) throw new AppError('not-found', `vm not found: ${vm}`);
      const view = host.view();
      const taps = new Set(record.nets.map(({ tap }) => tap));
      const ports = [...view.ports.values()].filter(({ interfaces }) => interfaces.some((name) => taps.has(name)));
      return vmPath(record, { view, flows: await this.flowsOf(ports.map(({ bridge }) => bridge)) });
    });
  }

  /** @throws AppError `not-found`, `invalid`, and what a node says that does not answer */
  async run(
    { namespace, from, to }: { namespace: string; from: string; to: string },
    signal: AbortSignal,
    say: (text: string) => void = () => undefined,
  ): Promise<TraceResult> {
    if (from === to) throw new AppError('invalid', 'a path has two VMs: name another one');
    const [a, b] = await Promise.all([from, to].map((vm) => this.look(namespace, vm, signal)));
    if (!a || !b) throw new AppError('failed', 'a path has two ends');
    const { probe, failure } = await this.probe(namespace, [a, b], { signal, say });
    const hops = traceHops({ from: a, to: b, probe, failure, nowMs: this.components.clock.wallNow() });
    return { hops, probe };
  }

  private async flowsOf(bridges: readonly string[]): Promise<ReadonlyMap<string, ToldFlows>> {
    const told = [...new Set(bridges)].map(async (bridge): Promise<[string, ToldFlows]> => {
      try {
        return [bridge, await this.components.host.flows(bridge)];
      } catch (error) {
        return [bridge, describeError(error)];
      }
    });
    return new Map(await Promise.all(told));
  }

  private async look(
    namespace: string,
    vm: string,
    signal: AbortSignal,
  ): Promise<TracedSide & { readonly id: string }> {
    const { mesh, nodeOf } = this.components;
    const node = nodeOf(namespace, vm);
    if (!node) throw new AppError('not-found', `vm not found: ${vm}`);
    const results = await mesh.request([node.id], lookKind, { namespace, vm }, { timeoutMs: lookMs, signal });
    const result = results.get(node.id);
    signal.throwIfAborted();
    if (result && isOfVersionBefore(result))
      throw new AppError('refused', `${node.name}, which has ${vm}, runs a meshd that cannot trace: upgrade it`);
    if (!result?.ok)
      throw new AppError(result?.code ?? 'failed', `${node.name}, which has ${vm}: ${result?.message ?? 'no answer'}`);
    const path = TracedVm.safeParse(result.body);
    if (!path.success) throw new AppError('failed', `${node.name}: its answer has no known shape`);
    return { ...node, node: node.name, vm: path.data };
  }

  /** A trace shows all else when nothing can be tested. */
  private async probe(
    namespace: string,
    [a, b]: readonly [TracedSide & { readonly id: string }, TracedSide & { readonly id: string }],
    { signal, say }: { readonly signal: AbortSignal; readonly say: (text: string) => void },
  ): Promise<{ probe: ProbeResult | null; failure: string }> {
    const { prober, aliasOf } = this.components;
    const vlans = sharedVlans(a.vm, b.vm);
    if (a.id === b.id || vlans.length === 0) return { probe: null, failure: '' };
    const order = {
      nodes: [a, b].map(({ id, node }) => ({ id, name: node })),
      vlans: vlans.map((vlan) => ({ vlan, alias: aliasOf(vlan, namespace) })),
    };
    try {
      return { probe: await prober.run(order, signal, say), failure: '' };
    } catch (error) {
      signal.throwIfAborted();
      return { probe: null, failure: `not tested: ${describeError(error)}` };
    }
  }
}
