// How rows reach every node: who writes one sends it to all members, and nodes compare their tables from time to time and when
// others appear, since a message may be lost and a split keeps some away. SPEC V6, V7.
import { maxRanges, type TableRows } from '../../core/vlans/table.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { maxRowsSent, Rows, rowsKind, SyncAnswer, SyncAsk, syncKind } from '../vlans/messages.ts';
import type { VlanState } from '../vlans/state.ts';

/** The first row leaves at once, and those that are written within this time after it together. */
const sendMs = 50;
const syncTimeoutMs = 5_000;

export type VlansMesh = Pick<
  Mesh,
  'nodeId' | 'memberIds' | 'nameOf' | 'request' | 'serve' | 'notify' | 'onNotice' | 'on' | 'off'
>;

export interface SharingComponents {
  readonly mesh: VlansMesh;
  readonly clock: Clock;
  readonly random: () => number;
  readonly state: VlanState;
}

export class Sharing {
  private readonly checkMs: number;
  private readonly components: SharingComponents;
  private outgoing: { rows: TableRows['rows'][number][]; ranges: TableRows['ranges'][number][] } | null = null;
  private sendTimer: Timer | null = null;
  private checkTimer: Timer | null = null;

  /** `checkMs`: how often this node compares its table with that of another one. */
  constructor(checkMs: number, components: SharingComponents) {
    this.checkMs = checkMs;
    this.components = components;
    const { mesh, state } = components;
    mesh.onNotice(rowsKind, (body) => {
      const heard = Rows.safeParse(body);
      if (heard.success) state.merge(heard.data);
    });
    mesh.serve(syncKind, (body) => {
      const { hashes } = SyncAsk.parse(body);
      return Promise.resolve({ hashes: state.table.hashes(), ...state.saved(state.table.differing(hashes)) });
    });
    state.onChange((news, isOwn) => {
      if (isOwn) this.send(news);
    });
  }

  start(): void {
    this.scheduleCheck();
  }

  stop(): void {
    this.sendTimer?.cancel();
    this.checkTimer?.cancel();
  }

  /** Others appeared at the same time: a split that heals, and one of them has what all of them have. */
  appeared(ids: readonly string[]): void {
    this.syncWithOneOf(ids);
  }

  /** Compares tables with another member, both ways. */
  private async sync(id: string): Promise<void> {
    const { mesh, state } = this.components;
    const ask = { hashes: state.table.hashes() };
    const result = (await mesh.request([id], syncKind, ask, { timeoutMs: syncTimeoutMs })).get(id);
    const answer = SyncAnswer.safeParse(result?.ok === true ? result.body : null);
    // A member of the version before has no table.
    if (!answer.success) return;
    state.merge(answer.data);
    const lacks = state.saved(state.table.differing(answer.data.hashes));
    if (lacks.rows.length + lacks.ranges.length > 0) mesh.notify([id], rowsKind, lacks);
  }

  private send(news: TableRows): void {
    if (this.sendTimer !== null) {
      this.outgoing ??= { rows: [], ranges: [] };
      this.outgoing.rows.push(...news.rows);
      this.outgoing.ranges.push(...news.ranges);
      return;
    }
    const { mesh, clock } = this.components;
    // What does not fit is found by the comparison.
    const body = { rows: news.rows.slice(0, maxRowsSent), ranges: news.ranges.slice(0, maxRanges) };
    mesh.notify(mesh.memberIds(), rowsKind, body);
    this.sendTimer = clock.after(sendMs, () => {
      this.sendTimer = null;
      const { outgoing } = this;
      this.outgoing = null;
      if (outgoing) this.send(outgoing);
    });
  }

  private scheduleCheck(): void {
    const { clock, random, mesh } = this.components;
    this.checkTimer = clock.after(this.checkMs * (0.75 + random() / 2), () => {
      this.syncWithOneOf(mesh.memberIds().filter((id) => id !== mesh.nodeId));
      this.scheduleCheck();
    });
  }

  private syncWithOneOf(ids: readonly string[]): void {
    const id = ids[Math.floor(this.components.random() * ids.length)];
    if (id !== undefined) void this.sync(id);
  }
}
