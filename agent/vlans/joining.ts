// VMs that use VLANs, over all nodes: who they are, and moving them when the two halves of a split alias become one. SPEC V10.
import { AppError } from '../../contract/errors.ts';
import type { Roster } from '../../contract/roster.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { AliasName } from '../../core/vlans/names.ts';
import { isOfVersionBefore } from '../mesh/requests.ts';
import type { Allocator, ResolveOptions } from './allocator.ts';
import { MoveAnswer, MoveAsk, moveKind, UsersAnswer, UsersAsk, usersKind, type VlansMesh } from './messages.ts';
import { viewOf, type VlanState } from './state.ts';
import type { VlanUser, VlanUsers } from './users.ts';

const usersTimeoutMs = 10_000;
/** A node may have hundreds of interfaces to move. */
const moveTimeoutMs = 60_000;
/** Lines of an answer; a person reads no more. */
const maxSaid = 100;

export interface NodeUser extends VlanUser {
  readonly node: string;
}

export interface JoiningComponents {
  readonly mesh: VlansMesh;
  readonly state: VlanState;
  readonly roster: { readonly roster: Roster };
  readonly allocator: Allocator;
  readonly users: () => VlanUsers;
}

export class Joining {
  private readonly components: JoiningComponents;

  constructor(components: JoiningComponents) {
    this.components = components;
    const { mesh, users } = components;
    mesh.serve(usersKind, (body) => Promise.resolve({ users: users().using(UsersAsk.parse(body).vlans) }));
    mesh.serve(moveKind, async (body) => ({ moved: await users().move(MoveAsk.parse(body)) }));
  }

  /** @throws AppError when a node that is in the mesh does not say which of its VMs use these numbers */
  async usersOf(vlans: readonly number[], { signal }: ResolveOptions): Promise<NodeUser[]> {
    const { mesh } = this.components;
    if (vlans.length === 0) return [];
    const results = await mesh.request(mesh.memberIds(), usersKind, { vlans }, { timeoutMs: usersTimeoutMs, signal });
    const users = [...results].flatMap(([id, result]) => {
      if (isOfVersionBefore(result)) return [];
      // It left meanwhile, as others may have done before.
      if (!result.ok && result.code === 'unreachable') return [];
      const answer = UsersAnswer.safeParse(result.ok ? result.body : null);
      if (!answer.success) {
        const why = result.ok ? 'its answer has no known shape' : result.message;
        throw new AppError(
          'failed',
          `${mesh.nameOf(id)} did not say which of its VMs use them, so nothing was changed: ${why}`,
        );
      }
      return answer.data.users.map((user) => ({ ...user, node: mesh.nameOf(id) }));
    });
    return users.sort((a, b) => compareNames(a.node, b.node) || compareNames(a.vm, b.vm));
  }

  /** Names of members that are away: what their VMs use is not known. */
  away(): string[] {
    const { mesh, roster } = this.components;
    const inMesh = new Set(mesh.memberIds());
    return viewOf(roster.roster)
      .members.filter((id) => !inMesh.has(id))
      .map((id) => mesh.nameOf(id));
  }

  /** What joining the halves of an alias would do. @throws AppError `invalid` when it is not split */
  async describe(name: AliasName, options: ResolveOptions): Promise<string> {
    const vlans = await this.vlansOf(name);
    const users = (await this.usersOf(vlans, options)).filter((user) => user.namespace === name.namespace);
    const lines = vlans.flatMap((vlan) => {
      const others = vlans.filter((other) => other !== vlan).join(', ');
      const moving = users.filter((user) => user.vlan !== vlan).map(describeUser);
      const what = moving.length === 0 ? 'no VM moves' : `${moving.length} move from ${others}: ${listed(moving)}`;
      return [`vlans join ${name.alias} ${vlan}: ${what}`];
    });
    return [`${name.alias} is split over VLANs ${vlans.join(', ')}`, ...lines, ...this.awayLines()].join('\n');
  }

  /**
   * Moves all VMs of a split alias to one of its numbers and releases the others. Doing it again is safe.
   * @throws AppError when it is not split, it does not have the number, or not all VMs could be moved
   */
  async join(name: AliasName, to: number, options: ResolveOptions): Promise<string> {
    const { mesh, allocator } = this.components;
    const vlans = await this.vlansOf(name);
    if (!vlans.includes(to))
      throw new AppError('invalid', `${name.alias} is not on VLAN ${to}: it is split over ${vlans.join(', ')}`);
    const from = vlans.filter((vlan) => vlan !== to);
    const results = await mesh.request(
      mesh.memberIds(),
      moveKind,
      { name, from, to },
      { timeoutMs: moveTimeoutMs, ...options },
    );
    const moved: string[] = [];
    const failed: string[] = [];
    for (const [id, result] of results) {
      if (isOfVersionBefore(result) || (!result.ok && result.code === 'unreachable')) continue;
      const answer = MoveAnswer.safeParse(result.ok ? result.body : null);
      if (answer.success)
        moved.push(...answer.data.moved.map((user) => describeUser({ ...user, node: mesh.nameOf(id) })));
      else failed.push(`${mesh.nameOf(id)}: ${result.ok ? 'its answer has no known shape' : result.message}`);
    }
    if (failed.length > 0)
      throw new AppError(
        'failed',
        `${name.alias} stays split, since VMs were not moved: ${listed(failed)}. Run it again`,
      );
    const kept = await allocator.release(
      from.map((vlan) => ({ vlan, name })),
      options,
    );
    if (kept.size > 0) {
      const reasons = [...kept].map(([vlan, why]) => `VLAN ${vlan} is not released: ${why}`);
      throw new AppError('failed', `the VMs are on VLAN ${to}, but ${listed(reasons)}. Run it again`);
    }
    const what = moved.length === 0 ? 'no VM had to move' : `moved ${listed(moved)}`;
    return [`${name.alias} is VLAN ${to}: ${what}`, ...this.awayLines()].join('\n');
  }

  private async vlansOf(name: AliasName): Promise<number[]> {
    const vlans = [...new Set((await this.components.state.held(name)).map(({ vlan }) => vlan))];
    if (vlans.length === 0)
      throw new AppError('not-found', `no alias ${name.alias} in the namespace ${name.namespace}`);
    if (vlans.length === 1) throw new AppError('invalid', `${name.alias} is not split: it is VLAN ${vlans.join()}`);
    return vlans;
  }

  private awayLines(): string[] {
    const away = this.away();
    return away.length === 0
      ? []
      : [`away: ${listed(away)}. If VMs there use another number, the alias is split again when they are back`];
  }
}

export function describeUser({ vm, node, vlan }: NodeUser): string {
  return `${vm} on ${node} (${vlan})`;
}

export function listed(items: readonly string[]): string {
  const more = items.length > maxSaid ? ` and ${items.length - maxSaid} more` : '';
  return `${items.slice(0, maxSaid).join(', ')}${more}`;
}
