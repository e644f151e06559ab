// Who gets which number. The node that is asked for a new alias asks the alias's owner, which gives one of the numbers that it owns, or
// asks another owner of numbers. What cannot be asked is said, never guessed. SPEC V3, V5, V8.
//
//   node that launches        owner of the alias            owner of a number
//     {name, vlan?, force} ->   knows it: its number
//                               else one that it owns
//                               else {name, vlan?}      ->    gives it away, or says who holds it
//     <- rows, notes            <- row
import { AppError } from '../../contract/errors.ts';
import {
  describeAlias,
  isAlias,
  isVlan,
  invalidVlan,
  parseVlanOrAlias,
  rawName,
  sameAlias,
  type AliasName,
} from '../../core/vlans/names.ts';
import type { VlanPools } from '../../core/vlans/pool.ts';
import { nextRow, type TableRows, type VlanRow } from '../../core/vlans/table.ts';
import type { Clock } from '../mesh/clock.ts';
import { isOfVersionBefore, type RequestResult } from '../mesh/requests.ts';
import type { Confirmation } from './confirmation.ts';
import {
  AliasAnswer,
  AliasAsk,
  aliasKind,
  NumberAsk,
  numberKind,
  ReleaseAsk,
  releaseKind,
  Rows,
  type VlansMesh,
} from './messages.ts';
import type { VlanState } from './state.ts';

/** For all of it: a launch waits for its VLANs. */
export const resolveTimeoutMs = 15_000;
const aliasTimeoutMs = 12_000;
const numberTimeoutMs = 5_000;
/** How long an owner waits for other members to confirm a number that it may not give away yet. */
const confirmTimeoutMs = 3_000;
/** Requests of this node on their way: a member answers 256 of one other at a time. */
const maxAskedAtOnce = 128;
/** After its start a node needs some time to find the others: until then nobody is away. */
const joinMs = 5_000;
const joinStepMs = 250;
/** Owners that are asked for any number, one after the other. With a number in the range each is likely to have one. */
const maxOwnersAsked = 8;
/** Aliases that are decided at the same time: a launch of 10,000 VMs names far fewer. */
const maxDeciding = 1_024;

export interface Resolved {
  readonly vlan: number;
  /** null: a number that is used as it is. */
  readonly name: AliasName | null;
  /** What a person should know: who was away, that the alias is split. */
  readonly notes: readonly string[];
}

export interface Wish {
  /** null: any number of the namespace's range. */
  readonly vlan: number | null;
  /** A person chose it. */
  readonly pinned: boolean;
  /** Take it without its owner. */
  readonly force: boolean;
}

export interface ResolveOptions {
  readonly signal: AbortSignal;
}

export interface AllocatorComponents {
  readonly mesh: VlansMesh;
  readonly clock: Clock;
  readonly state: VlanState;
  readonly pools: VlanPools;
  readonly confirmation: Confirmation;
}

type Decision = { readonly rows: readonly VlanRow[]; readonly notes: readonly string[] };
type Answered = { readonly is: 'answer'; readonly rows: TableRows } | { readonly is: 'away' | 'old' };

export class Allocator {
  private readonly components: AllocatorComponents;
  /** By alias: one decision after the other, so that two launches agree. */
  private readonly deciding = new Map<string, Promise<unknown>>();
  private decisions = 0;
  /** By alias: VMs of one launch that name a new alias ask together. */
  private readonly asking = new Map<string, Promise<Decision>>();

  private readonly joinedBy: number;
  /** One for each kind of request: who answers for an alias asks for a number, and who answers for a number asks nobody. */
  private readonly places = new Map<string, Places>();

  constructor(components: AllocatorComponents) {
    this.components = components;
    this.joinedBy = components.clock.now() + joinMs;
    const { mesh } = components;
    mesh.serve(aliasKind, async (body) => {
      const { name, ranges, ...wish } = AliasAsk.parse(body);
      this.components.state.merge({ rows: [], ranges });
      const { rows, notes } = await this.decide(name, wish);
      return { rows, ranges: [], notes };
    });
    mesh.serve(numberKind, async (body) => {
      const { name, vlan, pinned, ranges } = NumberAsk.parse(body);
      this.components.state.merge({ rows: [], ranges });
      return { rows: [await this.give(name, vlan, pinned)], ranges: [] };
    });
    mesh.serve(releaseKind, async (body) => ({ rows: await this.releaseHere(ReleaseAsk.parse(body)), ranges: [] }));
  }

  /**
   * The number of an alias, or of a number that somebody typed; a new alias gets one. Safe to call many times at once.
   * @throws AppError `invalid` for what cannot be a name, `refused` with a free number when an owner is away, `failed` when
   * numbers ran out, `timeout` when it is not known whether one was given
   */
  async resolve(text: string, namespace: string, options: ResolveOptions): Promise<Resolved> {
    const parsed = parseVlanOrAlias(text, namespace);
    if (!parsed.ok) throw new AppError('invalid', parsed.message);
    const { value } = parsed;
    return this.within(options.signal, typeof value === 'number' ? this.useNumber(value) : this.useAlias(value));
  }

  /** Gives an alias a number that a person chose. @throws AppError as `resolve`, and `conflict` when one of them is in use */
  async add(
    name: AliasName,
    wish: { vlan: number; force: boolean },
    options: ResolveOptions,
  ): Promise<readonly string[]> {
    const { vlan, force } = wish;
    if (!isVlan(vlan)) throw new AppError('invalid', invalidVlan);
    if (!isAlias(name.alias)) throw new AppError('invalid', `\`${name.alias}\` is not an alias`);
    return (await this.within(options.signal, this.ask(name, { vlan, pinned: true, force }))).notes;
  }

  /** Takes a number out of the pool on every node. @throws AppError as `add` */
  async blacklist(vlan: number, force: boolean, options: ResolveOptions): Promise<void> {
    if (!isVlan(vlan)) throw new AppError('invalid', invalidVlan);
    await this.within(options.signal, this.takeRaw(vlan, force));
  }

  /**
   * Nobody holds these from then on. The numbers rest until every member knows.
   * @returns why some were not released, by number
   */
  async release(
    held: readonly { vlan: number; name: AliasName }[],
    options: ResolveOptions,
  ): Promise<Map<number, string>> {
    return this.within(options.signal, this.releaseEach(held));
  }

  // ---- the node that is asked

  private async useAlias(name: AliasName): Promise<Resolved> {
    const known = await this.components.state.held(name);
    const { rows, notes } = known.length > 0 ? { rows: known, notes: [] } : await this.askOnce(name);
    const vlans = [...new Set(rows.map(({ vlan }) => vlan))];
    const [vlan] = vlans;
    if (vlan === undefined) throw new AppError('failed', `the alias ${name.alias} has no number`);
    const shown = name.alias;
    const split =
      vlans.length > 1
        ? [
            `the alias ${shown} is split over VLANs ${vlans.join(' and ')}, and this is on ${vlan}: see \`vlans join ${shown}\``,
          ]
        : [];
    return { vlan, name, notes: [...notes, ...split] };
  }

  private askOnce(name: AliasName): Promise<Decision> {
    const key = `${name.namespace}//${name.alias}`;
    const known = this.asking.get(key);
    if (known) return known;
    if (this.asking.size >= maxDeciding) throw tooMany();
    const asked = this.ask(name, { vlan: null, pinned: false, force: false }).finally(() => this.asking.delete(key));
    this.asking.set(key, asked);
    return asked;
  }

  private async useNumber(vlan: number): Promise<Resolved> {
    const holders = await this.components.state.holders(vlan);
    if (holders.length === 0) {
      try {
        await this.takeRaw(vlan, false);
      } catch (error) {
        // Somebody has it, and a typed number means that one.
        if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
      }
    }
    return { vlan, name: null, notes: [] };
  }

  private async takeRaw(vlan: number, force: boolean): Promise<void> {
    const { state } = this.components;
    const holders = await state.holders(vlan);
    if (holders.some((row) => sameAlias(row, rawName))) return;
    if (holders.length > 0) throw inUse();
    await this.takeNumber(rawName, vlan, force);
  }

  /** Asks the alias's owner; while it is away this node decides, and says so. */
  private async ask(name: AliasName, wish: Wish): Promise<Decision> {
    const { mesh, state } = this.components;
    const ranges = await state.rangesFor(name.namespace);
    for (const id of state.owners.ofAlias(name)) {
      if (id === mesh.nodeId) return this.decide(name, wish);
      const result = await this.askMember(id, aliasKind, { name, ...wish, ranges }, aliasTimeoutMs);
      if (result?.ok === true) {
        const answer = AliasAnswer.safeParse(result.body);
        if (!answer.success)
          throw new AppError('failed', `${mesh.nameOf(id)} gave an answer that this version does not know`);
        state.merge(answer.data);
        return answer.data;
      }
      // The next one in the order that all nodes share.
      if (result && isOfVersionBefore(result)) continue;
      const why = this.failure(id, result, `which decides on the alias ${name.alias}`);
      if (why !== 'away') throw why;
      const decision = await this.decide(name, wish);
      const note = `${mesh.nameOf(id)}, which decides on the alias ${name.alias}, is away: ${mesh.nameOf(mesh.nodeId)} decided`;
      return { rows: decision.rows, notes: [note, ...decision.notes] };
    }
    return this.decide(name, wish);
  }

  // ---- the owner of an alias

  /** @throws AppError `refused` when there is too much to do */
  private async decide(name: AliasName, wish: Wish): Promise<Decision> {
    const key = `${name.namespace}//${name.alias}`;
    if (this.decisions >= maxDeciding) throw tooMany();
    this.decisions += 1;
    const before = this.deciding.get(key) ?? Promise.resolve();
    const decided = before.catch(() => undefined).then(() => this.decideNow(name, wish));
    this.deciding.set(key, decided);
    try {
      return await decided;
    } finally {
      this.decisions -= 1;
      if (this.deciding.get(key) === decided) this.deciding.delete(key);
    }
  }

  private async decideNow(name: AliasName, { vlan, pinned, force }: Wish): Promise<Decision> {
    const { state, pools } = this.components;
    const known = await state.held(name);
    if (vlan === null) {
      if (known.length > 0) return { rows: known, notes: [] };
      return { rows: [await this.anyNumber(name)], notes: [] };
    }
    if (known.length > 0) throw new AppError('conflict', 'alias already in use');
    if ((await state.holders(vlan)).length > 0) throw inUse();
    const reserved = pools.reservedFor(vlan);
    if (reserved !== null && reserved !== name.namespace)
      throw new AppError('invalid', `VLAN ${vlan} is in the range of the namespace ${reserved}`);
    return this.takeNumber(name, vlan, force, pinned);
  }

  /** One of this node's own numbers, or of another owner's. */
  private async anyNumber(name: AliasName): Promise<VlanRow> {
    const { mesh, state, pools, confirmation } = this.components;
    try {
      return await this.give(name, null, false);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'not-found') throw error;
    }
    const free = new Map<string, number>();
    for (const vlan of pools.numbers(name.namespace)) {
      const owner = state.owners.ofNumber(vlan);
      if (owner !== undefined && state.table.holders(vlan).length === 0) free.set(owner, (free.get(owner) ?? 0) + 1);
    }
    const inMesh = new Set(mesh.memberIds());
    const owners = [...free]
      .filter(([id]) => id !== mesh.nodeId && inMesh.has(id))
      .sort(([, a], [, b]) => b - a)
      .slice(0, maxOwnersAsked);
    for (const [id] of owners) {
      const answered = await this.askNumber(id, { name, vlan: null, pinned: false }).catch((error: unknown) => {
        // It has none left either, or cannot tell: the next one may.
        if (error instanceof AppError && error.code === 'timeout') throw error;
        return null;
      });
      const row = answered?.is === 'answer' ? answered.rows.rows[0] : undefined;
      if (row !== undefined) return row;
    }
    const held = [...free].filter(([id]) => id !== mesh.nodeId && !inMesh.has(id));
    const away = held.map(([id, count]) => `${mesh.nameOf(id)} is away and owns ${count} of them`);
    const own = free.get(mesh.nodeId) ?? 0;
    const waits = confirmation.missing().map((id) => mesh.nameOf(id));
    const waiting =
      own > 0 && confirmation.gains() && waits.length > 0
        ? [`${own} wait until ${waits.slice(0, 5).join(', ')} knows the roster`]
        : [];
    const { min, max } = pools.range(name.namespace);
    const reasons = [...waiting, ...away].slice(0, 5);
    throw new AppError(
      'failed',
      `out of VLANs${reasons.length > 0 ? `: of ${min}-${max}, ${reasons.join(', ')}` : ''}`,
    );
  }

  /** A certain number, from its owner. */
  private async takeNumber(name: AliasName, vlan: number, force: boolean, pinned = true): Promise<Decision> {
    const { mesh, state } = this.components;
    const owner = state.owners.ofNumber(vlan);
    if (owner === undefined) throw new AppError('refused', 'this node is not a member of the roster');
    let why: string;
    try {
      const answered =
        owner === mesh.nodeId
          ? ({ is: 'answer', rows: { rows: [await this.give(name, vlan, pinned)], ranges: [] } } as const)
          : await this.askNumber(owner, { name, vlan, pinned });
      if (answered.is === 'answer') return { rows: answered.rows.rows, notes: [] };
      why =
        answered.is === 'away'
          ? `${mesh.nameOf(owner)}, which owns VLAN ${vlan}, is away`
          : `${mesh.nameOf(owner)}, which owns VLAN ${vlan}, runs a meshd without VLANs: upgrade it`;
    } catch (error) {
      // It waits for other members. Whatever else it says is its last word.
      if (!(error instanceof AppError) || error.code !== 'refused') throw error;
      why = error.message;
    }
    if (force) {
      const row = nextRow(state.table, { vlan, ...nameOf(name), state: 'held', pinned, forced: true }, mesh.nodeId);
      await state.commit({ rows: [row] });
      return { rows: [row], notes: [`${why}: ${mesh.nameOf(mesh.nodeId)} took it without asking`] };
    }
    const free = this.freeNumber(name.namespace);
    const instead = free === null ? '' : `: VLAN ${free} is free`;
    throw new AppError('refused', `${why}${instead}; \`force\` at the end of the line takes ${vlan} without asking`, {
      detail: { free },
    });
  }

  /** A number that is free now; null when this node knows no such number. */
  private freeNumber(namespace: string): number | null {
    const { mesh, state, pools, confirmation } = this.components;
    const own = pools.next(
      namespace,
      (vlan) => state.mayGive(vlan),
      (vlan) => confirmation.isRested(vlan),
    );
    if (own !== null) return own;
    const inMesh = new Set(mesh.memberIds());
    return pools.next(
      namespace,
      (vlan) => inMesh.has(state.owners.ofNumber(vlan) ?? ''),
      () => false,
    );
  }

  private async askNumber(owner: string, wish: Omit<NumberAsk, 'ranges'>): Promise<Answered> {
    const { state } = this.components;
    const ask: NumberAsk = { ...wish, ranges: await state.rangesFor(wish.name.namespace) };
    const result = await this.askMember(owner, numberKind, ask, numberTimeoutMs);
    if (result?.ok === true) {
      const rows = Rows.parse(result.body);
      state.merge(rows);
      return { is: 'answer', rows };
    }
    if (result && isOfVersionBefore(result)) return { is: 'old' };
    const why = this.failure(owner, result, `which owns VLAN${wish.vlan === null ? 's' : ` ${wish.vlan}`}`);
    if (why === 'away') return { is: 'away' };
    throw why;
  }

  // ---- the owner of a number

  /**
   * Gives a number of this node to a name. Decided in one go, between two waits, on a table that no other node writes to for
   * this number. @throws AppError `conflict`: held; `refused`: not this node's to give; `not-found`: none is left
   */
  private async give(name: AliasName, wanted: number | null, pinned: boolean): Promise<VlanRow> {
    const { mesh, state, pools, confirmation } = this.components;
    const mayGive = (vlan: number) => state.mayGive(vlan);
    const isRested = (vlan: number) => confirmation.isRested(vlan);
    const pick = () =>
      wanted === null ? pools.next(name.namespace, mayGive, isRested) : this.isFree(wanted, name) ? wanted : null;
    if (wanted !== null && state.owners.ofNumber(wanted) !== mesh.nodeId)
      throw new AppError(
        'refused',
        `${mesh.nameOf(mesh.nodeId)} does not own VLAN ${wanted}: its roster is another one`,
      );
    const isHeld = () => wanted !== null && state.table.holders(wanted).length > 0;
    if (pick() === null && !isHeld() && (wanted !== null || confirmation.gains()))
      await confirmation.waitFor(() => pick() !== null || isHeld(), confirmTimeoutMs);
    // Nothing is awaited from here to the commit.
    if (isHeld()) throw inUse();
    const vlan = pick();
    if (vlan === null) {
      if (wanted === null) throw new AppError('not-found', 'out of VLANs');
      throw new AppError('refused', this.whyNotFree(wanted));
    }
    const row = nextRow(state.table, { vlan, ...nameOf(name), state: 'held', pinned, forced: false }, mesh.nodeId);
    await state.commit({ rows: [row] });
    return row;
  }

  /** A name that had the number last gets it again at once: VMs that still use it are of that name. */
  private isFree(vlan: number, name: AliasName): boolean {
    const { state, confirmation } = this.components;
    const rows = state.table.rowsOf(vlan);
    if (!state.mayGive(vlan) || rows.some((row) => row.state === 'held')) return false;
    return rows.every((row) => sameAlias(row, name)) || confirmation.isRested(vlan);
  }

  private whyNotFree(vlan: number): string {
    const { mesh, state, confirmation } = this.components;
    const waitsFor = state.mayGive(vlan) ? confirmation.missingRest(vlan) : confirmation.missing();
    const names = waitsFor.slice(0, 5).map((id) => mesh.nameOf(id));
    const who = names.length > 0 ? `: ${names.join(', ')} did not confirm it yet` : '';
    const self = mesh.nameOf(mesh.nodeId);
    return state.mayGive(vlan)
      ? `VLAN ${vlan} was released and rests until every node knows${who}`
      : `${self} owns VLAN ${vlan} since the roster changed, and may not give it away yet${who}`;
  }

  // ---- releasing

  private async releaseEach(held: readonly { vlan: number; name: AliasName }[]): Promise<Map<number, string>> {
    const { mesh, state } = this.components;
    const byOwner = new Map<string, { vlan: number; name: AliasName }[]>();
    for (const each of held) {
      const owner = state.owners.ofNumber(each.vlan) ?? mesh.nodeId;
      const list = byOwner.get(owner);
      if (list) list.push(each);
      else byOwner.set(owner, [each]);
    }
    const failed = new Map<number, string>();
    await Promise.all(
      [...byOwner].map(async ([owner, list]) => {
        try {
          if (owner === mesh.nodeId) await this.releaseHere({ held: list });
          else await this.askRelease(owner, list);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          for (const { vlan } of list) failed.set(vlan, error.message);
        }
      }),
    );
    return failed;
  }

  private async askRelease(owner: string, held: ReleaseAsk['held']): Promise<void> {
    const { mesh, state } = this.components;
    const result = await this.askMember(owner, releaseKind, { held }, numberTimeoutMs);
    if (result?.ok === true) {
      state.merge(Rows.parse(result.body));
      return;
    }
    if (result && isOfVersionBefore(result))
      throw new AppError('refused', `${mesh.nameOf(owner)}, which owns it, runs a meshd without VLANs: upgrade it`);
    const why = this.failure(owner, result, 'which owns it');
    throw why === 'away' ? new AppError('refused', `${mesh.nameOf(owner)}, which owns it, is away`) : why;
  }

  private async releaseHere({ held }: ReleaseAsk): Promise<VlanRow[]> {
    const { mesh, state, confirmation } = this.components;
    const mayGiveAll = () => held.every(({ vlan }) => state.mayGive(vlan));
    await confirmation.waitFor(mayGiveAll, confirmTimeoutMs);
    const not = held.find(({ vlan }) => !state.mayGive(vlan));
    if (not) throw new AppError('refused', this.whyNotFree(not.vlan));
    const rows = held.flatMap(({ vlan, name }) =>
      state.table
        .holders(vlan)
        .filter((row) => sameAlias(row, name))
        .map((row) => nextRow(state.table, { ...row, state: 'released' }, mesh.nodeId)),
    );
    if (rows.length > 0) await state.commit({ rows });
    confirmation.kick();
    return rows;
  }

  // ---- all

  private async askMember(
    id: string,
    kind: string,
    body: unknown,
    timeoutMs: number,
  ): Promise<RequestResult | undefined> {
    const { mesh, clock } = this.components;
    const places = this.places.get(kind) ?? new Places(maxAskedAtOnce);
    this.places.set(kind, places);
    await places.take();
    try {
      for (;;) {
        const result = (await mesh.request([id], kind, body, { timeoutMs })).get(id);
        const isAway = result?.ok === false && result.code === 'unreachable';
        if (!isAway || clock.now() >= this.joinedBy) return result;
        await new Promise<void>((resolve) => clock.after(joinStepMs, resolve));
      }
    } finally {
      places.leave();
    }
  }

  /** `away`: it was certainly not asked, or left the mesh; else what to say. */
  private failure(id: string, result: RequestResult | undefined, role: string): AppError | 'away' {
    const name = this.components.mesh.nameOf(id);
    if (!result || result.ok) return new AppError('failed', `${name}, ${role}, gave no answer`);
    switch (result.code) {
      case 'unreachable':
        return 'away';
      case 'timeout':
        return new AppError('timeout', `${name}, ${role}, did not answer in time: try again`);
      default:
        return new AppError(result.code, result.message);
    }
  }

  /** The work continues for others who wait for the same; this caller stops waiting. */
  private async within<Value>(signal: AbortSignal, work: Promise<Value>): Promise<Value> {
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    const timer = this.components.clock.after(resolveTimeoutMs, () => {
      reject(new AppError('timeout', 'VLANs: no answer in time; look with `vlans` before trying again'));
    });
    const onAbort = () => {
      reject(signal.reason instanceof AppError ? signal.reason : new AppError('cancelled', 'cancelled'));
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject);
    try {
      return await promise;
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }
}

/** Lets a number of requests go at the same time; the others wait in order. */
class Places {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(count: number) {
    this.free = count;
  }

  async take(): Promise<void> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  leave(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.free += 1;
  }
}

const tooMany = () => new AppError('refused', `more than ${maxDeciding} aliases are being decided here: try again`);
const inUse = () => new AppError('conflict', 'vlan already in use');

const nameOf = ({ namespace, alias }: AliasName): AliasName => ({ namespace, alias });

/** `alpha (101)`, as minimega shows a VLAN: with its namespace when that is another, the number alone without alias. */
export function describeVlan(vlan: number, name: AliasName | null, namespace: string): string {
  return name === null || name.alias === '' ? String(vlan) : `${describeAlias(name, namespace)} (${vlan})`;
}
