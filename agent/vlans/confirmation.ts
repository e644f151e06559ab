// When this node may give away numbers that it gains by a new roster, and numbers that were released: once all members that it
// concerns have said that they know. SPEC V4, V9.
//
//   this node                                   member
//     {version, hash, released rows, missing} ->   keeps the rows, promises the version, saves both
//     <- {version, its rows if the hash differs, numbers that its VMs use, who of the missing never gained any}
import { describeError } from '../../contract/errors.ts';
import type { Roster } from '../../contract/roster.ts';
import { hashText } from '../../core/tables/hash.ts';
import { gainNumbers, neverAsked, promise } from '../../core/vlans/standing.ts';
import { nextRow, type VlanRow } from '../../core/vlans/table.ts';
import type { Log } from '../log.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import { isOfVersionBefore, type RequestResult } from '../mesh/requests.ts';
import { ConfirmAnswer, ConfirmAsk, confirmKind, type VlansMesh } from './messages.ts';
import { viewOf, type VlanState } from './state.ts';
import type { VlanUsers } from './users.ts';

const soonMs = 50;
const againMs = 500;
const againMostMs = 30_000;
const askTimeoutMs = 5_000;
/** Members that are asked at a time: the first have all rows, and then the hashes of the others agree. */
const askedAtOnce = 16;

export interface ConfirmationComponents {
  readonly mesh: VlansMesh;
  readonly clock: Clock;
  readonly state: VlanState;
  readonly roster: { readonly roster: Roster };
  readonly users: () => VlanUsers;
  readonly log: Pick<Log, 'warn'>;
}

/** What a member has confirmed. */
interface Heard {
  /** Roster version; null: it is of a version that knows nothing of VLANs, and gives none away. */
  version: number | null;
  /** Released rows that it has, as `releaseKey`. */
  readonly released: Set<string>;
}

export class Confirmation {
  private readonly components: ConfirmationComponents;
  private readonly heard = new Map<string, Heard>();
  /** Members that never gained numbers, by the roster of this version. */
  private never = { version: -1, ids: new Set<string>() };
  private timer: Timer | null = null;
  private delayMs = againMs;
  private isAsking = false;
  private isKicked = false;
  private isStopped = false;
  private readonly waiting = new Set<() => void>();

  constructor(components: ConfirmationComponents) {
    this.components = components;
    components.mesh.serve(confirmKind, (body, { from }) => this.answer(ConfirmAsk.parse(body), from.nodeId));
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
    for (const settle of this.waiting) settle();
  }

  /** Gains numbers if no member's word is missing: in a cluster of one node, from the start. */
  async gainIfConfirmed(): Promise<void> {
    const { state } = this.components;
    if (!this.gains() || this.missing().length > 0) return;
    state.standing = gainNumbers(state.standing, state.owned);
    // If it is lost, this node gains them again.
    await state.save().catch(() => undefined);
  }

  /** Asks soon: the roster, the members or the released rows are others than before. */
  kick(): void {
    this.delayMs = againMs;
    this.schedule(soonMs);
  }

  membersWent(ids: readonly string[]): void {
    // It may come back with a version that knows VLANs.
    for (const id of ids) if (this.heard.get(id)?.version === null) this.heard.delete(id);
  }

  /** Released, and every member knows: the number may be given to another alias. */
  isRested(vlan: number): boolean {
    const keys = this.releasedOf(vlan).map(releaseKey);
    return this.others().every((id) => {
      const heard = this.heard.get(id);
      return heard !== undefined && (heard.version === null || keys.every((key) => heard.released.has(key)));
    });
  }

  /** Waits a moment for members to confirm a number: one that was just released, or gained by a new roster. */
  async waitFor(isConfirmed: () => boolean, timeoutMs: number): Promise<boolean> {
    const { clock } = this.components;
    const end = clock.now() + timeoutMs;
    if (!isConfirmed()) this.kick();
    while (!isConfirmed() && clock.now() < end && !this.isStopped) {
      await new Promise<void>((resolve) => {
        const settle = () => {
          timer.cancel();
          this.waiting.delete(settle);
          resolve();
        };
        const timer = clock.after(end - clock.now(), settle);
        this.waiting.add(settle);
      });
    }
    return isConfirmed();
  }

  /** Ids of the members whose word is missing before this node gains the numbers that the roster gives it. */
  missing(): string[] {
    const { state } = this.components;
    const version = state.rosterVersion;
    const never = this.never.version === version ? this.never.ids : new Set<string>();
    return this.others().filter((id) => {
      const heard = this.heard.get(id);
      return !(heard && (heard.version === null || heard.version === version)) && !never.has(id);
    });
  }

  /** Ids of the members that do not know yet that this number was released. */
  missingRest(vlan: number): string[] {
    const keys = this.releasedOf(vlan).map(releaseKey);
    return this.others().filter((id) => {
      const heard = this.heard.get(id);
      return !heard || (heard.version !== null && !keys.every((key) => heard.released.has(key)));
    });
  }

  private others(): string[] {
    const { mesh, roster } = this.components;
    return viewOf(roster.roster).members.filter((id) => id !== mesh.nodeId);
  }

  private releasedOf(vlan: number): VlanRow[] {
    return this.components.state.table.rowsOf(vlan).filter(({ state }) => state === 'released');
  }

  /** The roster gives this node numbers that it may not give away yet. */
  gains(): boolean {
    const { owned, standing } = this.components.state;
    return owned.length > standing.numbers.length;
  }

  /** Released rows of numbers that this node may give away. */
  private resting(): VlanRow[] {
    const { state } = this.components;
    return state.table.all().rows.filter((row) => row.state === 'released' && state.mayGive(row.vlan));
  }

  private schedule(delayMs: number): void {
    if (this.isStopped) return;
    this.timer?.cancel();
    this.timer = this.components.clock.after(delayMs, () => {
      this.timer = null;
      void this.round();
    });
  }

  private async round(): Promise<void> {
    if (this.isAsking) {
      this.isKicked = true;
      return;
    }
    this.isAsking = true;
    try {
      await this.ask();
    } catch (error) {
      // Rows that could not be saved: the next round tries again.
      this.components.log.warn(`vlans: ${describeError(error)}`);
    } finally {
      this.isAsking = false;
    }
    for (const settle of [...this.waiting]) settle();
    if (this.isStopped) return;
    const isDone = !this.gains() && this.resting().every(({ vlan }) => this.isRested(vlan));
    if (isDone) {
      this.delayMs = againMs;
      return;
    }
    if (this.timer !== null) return;
    this.schedule(this.isKicked ? soonMs : this.delayMs);
    this.isKicked = false;
    this.delayMs = Math.min(againMostMs, this.delayMs * 2);
  }

  private async ask(): Promise<void> {
    const { mesh, state } = this.components;
    const version = state.rosterVersion;
    const resting = this.resting();
    const keys = resting.map(releaseKey);
    const isMissing = new Set(this.gains() ? this.missing() : []);
    const inMesh = new Set(mesh.memberIds());
    const away = this.others().filter((id) => !inMesh.has(id));
    const asked = this.others().filter((id) => {
      if (!inMesh.has(id)) return false;
      const heard = this.heard.get(id);
      return isMissing.has(id) || (heard?.version !== null && keys.some((key) => heard?.released.has(key) !== true));
    });
    await this.restoreUsed(
      this.components
        .users()
        .using(resting.map(({ vlan }) => vlan))
        .map(({ vlan }) => vlan),
    );
    for (let at = 0; at < asked.length; at += askedAtOnce) {
      const batch = asked.slice(at, at + askedAtOnce);
      const body: ConfirmAsk = { version, hash: totalHash(state), rows: resting, missing: away };
      const results = await mesh.request(batch, confirmKind, body, { timeoutMs: askTimeoutMs });
      for (const [id, result] of results) await this.take(id, result, { version, keys });
    }
    if (state.rosterVersion === version) await this.gainIfConfirmed();
  }

  private async take(
    id: string,
    result: RequestResult,
    { version, keys }: { version: number; keys: readonly string[] },
  ): Promise<void> {
    const { state } = this.components;
    if (!result.ok) {
      if (isOfVersionBefore(result)) this.heard.set(id, { version: null, released: new Set() });
      return;
    }
    const answer = ConfirmAnswer.safeParse(result.body);
    if (!answer.success) return;
    state.merge(answer.data);
    if (answer.data.version !== version) return;
    // In force before the member counts: its rows are in the table, and what its VMs use is held again.
    await this.restoreUsed(answer.data.used);
    const heard = this.heard.get(id) ?? { version, released: new Set() };
    this.heard.set(id, {
      version,
      released: new Set([...[...heard.released].filter((key) => keys.includes(key)), ...keys]),
    });
    if (this.never.version !== version) this.never = { version, ids: new Set() };
    for (const other of answer.data.never) this.never.ids.add(other);
  }

  /** VMs of a member that was away when the alias was cleared still use its number: it is theirs. */
  private async restoreUsed(vlans: readonly number[]): Promise<void> {
    const { state, mesh } = this.components;
    const rows = [...new Set(vlans)]
      .filter((vlan) => state.mayGive(vlan))
      .flatMap((vlan) => this.releasedOf(vlan))
      .filter((row) => row.forced || state.table.holders(row.vlan).length === 0)
      .map((row) => nextRow(state.table, { ...row, state: 'held' }, mesh.nodeId));
    if (rows.length > 0) await state.commit({ rows });
  }

  private async answer({ version, hash, rows, missing }: ConfirmAsk, from: string): Promise<ConfirmAnswer> {
    const { state, users } = this.components;
    // It was of the version before, and was upgraded since.
    if (this.heard.get(from)?.version === null) this.heard.delete(from);
    state.merge({ rows, ranges: [] });
    const own = state.rosterVersion;
    const isSame = own === version;
    if (isSame) state.standing = promise(state.standing, version, from);
    // Only what is on the disk is confirmed, and only such rows leave this node.
    await state.save();
    const table = hash === totalHash(state) ? { rows: [], ranges: [] } : state.saved(state.table.all());
    return {
      version: own,
      used: [
        ...new Set(
          users()
            .using(rows.map(({ vlan }) => vlan))
            .map(({ vlan }) => vlan),
        ),
      ],
      never: isSame ? neverAsked(state.standing, missing) : [],
      rows: [...table.rows],
      ranges: [...table.ranges],
    };
  }
}

/** A release of a number: another release of the same number has to be confirmed again. */
function releaseKey({ vlan, namespace, alias, forced, counter, node }: VlanRow): string {
  return `${vlan} ${namespace}//${alias} ${forced} ${counter} ${node}`;
}

function totalHash(state: VlanState): string {
  return hashText(state.table.hashes().join('')).join('.');
}
