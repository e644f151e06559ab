// Clears namespaces: every member ends what it has of them, then what the cluster has of them goes, then the namespaces themselves. A namespace
// of which something is left stays, so that it can be cleared again. SPEC N6.
//
//   node that was asked               every member, and every host that is away
//     namespaces-end {names}   -->    ends VMs, taps, whatever its parts registered
//                              <--    {left: by namespace, what could not be ended and why}
//     VLAN aliases; then a row that says `cleared`
import { describeError } from '../../contract/errors.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { Clock } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { isOfVersionBefore, type RequestResult } from '../mesh/requests.ts';
import type { SharingMesh } from '../tables/sharing.ts';
import type { ClusterContent, NamespaceContent } from './content.ts';
import { EndAnswer, EndAsk, endKind } from './messages.ts';
import { ownAtFirst, type NamespaceState } from './state.ts';

/** A member may have hundreds of VMs to end. */
const endTimeoutMs = 60_000;
/** What a member says is left of one namespace: a person reads no more. */
const maxLeft = 100;
const maxLeftCharacters = 1_000;

export type ClearingMesh = SharingMesh & Pick<Mesh, 'nameOf'>;

/** Why namespaces stay. */
export interface ClearReport {
  /** By name of the node, in natural order, those that were asked; empty: it has nothing of them. */
  readonly nodes: ReadonlyMap<string, readonly string[]>;
  /** What is left that is of no node. */
  readonly cluster: readonly string[];
  readonly staying: readonly string[];
}

export interface ClearingComponents {
  readonly mesh: ClearingMesh;
  readonly clock: Pick<Clock, 'wallNow'>;
  readonly state: NamespaceState;
  readonly hostIds: (name: string) => readonly string[];
  readonly clusterContent: ClusterContent;
}

type Left = Readonly<Record<string, readonly string[]>>;

export class Clearing {
  private readonly components: ClearingComponents;
  private readonly contents: NamespaceContent[] = [];

  constructor(components: ClearingComponents) {
    this.components = components;
    components.mesh.serve(endKind, async (body, { signal }) => ({
      left: await this.endHere(EndAsk.parse(body).names, { signal }),
    }));
  }

  register(content: NamespaceContent): void {
    this.contents.push(content);
  }

  async clear(names: readonly string[], options: { readonly signal: AbortSignal }): Promise<ClearReport> {
    const { mesh } = this.components;
    // Hosts that were taken out of a namespace may still have something of it, so all members are asked.
    const ids = new Set([...mesh.memberIds(), ...names.flatMap((name) => this.components.hostIds(name))]);
    ids.delete(mesh.nodeId);
    const [here, results] = await Promise.all([
      this.endHere(names, options),
      mesh.request([...ids], endKind, { names }, { timeoutMs: endTimeoutMs, ...options }),
    ]);
    const left = new Map<string, Left>([[mesh.nodeId, here]]);
    for (const [id, result] of results) left.set(id, this.leftOf(id, result, names));

    const cluster: string[] = [];
    const staying: string[] = [];
    for (const name of names) {
      if ([...left.values()].some((of) => (of[name] ?? []).length > 0)) {
        staying.push(name);
        continue;
      }
      const why = await this.endInCluster(name, options);
      if (why === null) continue;
      cluster.push(why);
      staying.push(name);
    }
    const nodes = [...left]
      .map(([id, of]) => [mesh.nameOf(id), linesOf(of, names.length > 1)] as const)
      .sort(([a], [b]) => compareNames(a, b));
    return { nodes: new Map(nodes), cluster, staying };
  }

  /** By namespace, what is left of it there. */
  private leftOf(id: string, result: RequestResult, names: readonly string[]): Left {
    const { hostIds } = this.components;
    const everywhere = (why: string) => Object.fromEntries(names.map((name) => [name, [why]]));
    if (!result.ok) {
      // It has no namespaces.
      if (isOfVersionBefore(result)) return {};
      if (result.code !== 'unreachable') return everywhere(result.message);
      // It went, and what it has of namespaces whose host it is not stays with it.
      const hosted = names.filter((name) => hostIds(name).includes(id));
      return Object.fromEntries(hosted.map((name) => [name, [result.message]]));
    }
    const answer = EndAnswer.safeParse(result.body);
    return answer.success ? answer.data.left : everywhere('its answer has no known shape: another version?');
  }

  private async endHere(names: readonly string[], options: { readonly signal: AbortSignal }): Promise<Left> {
    const ends = names.map(async (name) => {
      const left: string[] = [];
      // One part after the other: a tap goes after its VM.
      for (const content of this.contents) {
        left.push(...(await content.end(name, options).catch((error: unknown) => [describeError(error)])));
      }
      // It cannot go, so it is as it was at first.
      if (name === defaultNamespace && left.length === 0) {
        const { state } = this.components;
        await state.setOwn(ownAtFirst(state.nodeId)).catch((error: unknown) => left.push(describeError(error)));
      }
      return [name, left.slice(0, maxLeft).map((text) => text.slice(0, maxLeftCharacters))] as const;
    });
    return Object.fromEntries((await Promise.all(ends)).filter(([, left]) => left.length > 0));
  }

  /** @returns why the namespace stays; null: it is gone */
  private async endInCluster(name: string, options: { readonly signal: AbortSignal }): Promise<string | null> {
    const { state, clusterContent, clock } = this.components;
    try {
      await clusterContent.end(name, options);
      if (state.table.get(name) !== null) {
        const version = { counter: state.table.counter(name) + 1, node: state.nodeId };
        await state.commit({ rows: [{ name, state: 'cleared', clearedAt: clock.wallNow(), ...version }] });
      }
      return null;
    } catch (error) {
      return `the namespace ${name} stays: ${describeError(error)}`;
    }
  }
}

function linesOf(left: Left, isNamed: boolean): string[] {
  return Object.entries(left).flatMap(([name, texts]) => texts.map((text) => (isNamed ? `${name}: ${text}` : text)));
}
