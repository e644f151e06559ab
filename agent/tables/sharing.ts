// How rows reach every node: who writes one sends it to all members, and nodes compare their tables from time to time and when
// others appear, since a message may be lost and a split keeps some away. SPEC V6, V7, N5.
import { z } from 'zod';
import { tableParts } from '../../core/tables/versions.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { SharedState } from './shared-state.ts';

/** The first row leaves at once, and those that are written within this time after it together. */
const sendMs = 50;
const syncTimeoutMs = 5_000;
/** Changes of the mesh within this time are one: a split heals for many nodes at once. */
const settleMs = 200;

const Hashes = z.object({ hashes: z.array(z.string().max(32)).max(tableParts) });

export type SharingMesh = Pick<
  Mesh,
  'nodeId' | 'memberIds' | 'request' | 'serve' | 'notify' | 'onNotice' | 'on' | 'off'
>;

export interface SharingOptions<News> {
  /** How often this node compares its table with that of another one. */
  readonly checkMs: number;
  /** Notice: rows that were written. */
  readonly rowsKind: string;
  /** Compares tables. The answer has what the asker lacks; it sends what the other lacks by notice. */
  readonly syncKind: string;
  readonly shape: z.ZodType<News>;
}

export interface SharingComponents<News> {
  readonly mesh: SharingMesh;
  readonly clock: Clock;
  readonly random: () => number;
  readonly state: SharedState<News>;
  /** The mesh changed: who came, who went. */
  readonly onMembers?: (came: readonly string[], went: readonly string[]) => void;
}

export class Sharing<News> {
  private readonly options: SharingOptions<News>;
  private readonly components: SharingComponents<News>;
  private members = new Set<string>();
  private outgoing: News | null = null;
  private sendTimer: Timer | null = null;
  private checkTimer: Timer | null = null;
  private changeTimer: Timer | null = null;

  constructor(options: SharingOptions<News>, components: SharingComponents<News>) {
    this.options = options;
    this.components = components;
    const { mesh, state } = components;
    mesh.onNotice(options.rowsKind, (body) => {
      const heard = options.shape.safeParse(body);
      if (heard.success) state.merge(heard.data);
    });
    mesh.serve(options.syncKind, (body) => {
      const { hashes } = Hashes.parse(body);
      return Promise.resolve({ hashes: state.hashes(), ...state.lackedBy(hashes) });
    });
    state.onChange((news, isOwn) => {
      if (isOwn) this.send(news);
    });
  }

  start(): void {
    this.components.mesh.on('change', this.onChange);
    this.scheduleCheck();
  }

  stop(): void {
    this.components.mesh.off('change', this.onChange);
    for (const timer of [this.sendTimer, this.checkTimer, this.changeTimer]) timer?.cancel();
  }

  private readonly onChange = (): void => {
    const { clock, random } = this.components;
    this.changeTimer ??= clock.after(settleMs * (0.5 + random()), () => {
      this.changeTimer = null;
      this.membersChanged();
    });
  };

  private membersChanged(): void {
    const { mesh, onMembers } = this.components;
    const before = this.members;
    this.members = new Set(mesh.memberIds());
    const came = [...this.members].filter((id) => !before.has(id) && id !== mesh.nodeId);
    const went = [...before].filter((id) => !this.members.has(id));
    // Others appeared at the same time: a split that heals, and one of them has what all of them have.
    this.syncWithOneOf(came);
    onMembers?.(came, went);
  }

  /** Compares tables with another member, both ways. */
  private async sync(id: string): Promise<void> {
    const { mesh, state } = this.components;
    const { rowsKind, syncKind, shape } = this.options;
    const result = (await mesh.request([id], syncKind, { hashes: state.hashes() }, { timeoutMs: syncTimeoutMs })).get(
      id,
    );
    const body = result?.ok === true ? result.body : null;
    const theirs = Hashes.safeParse(body);
    const rows = shape.safeParse(body);
    // A member of the version before has no table.
    if (!theirs.success || !rows.success) return;
    state.merge(rows.data);
    const lacks = state.lackedBy(theirs.data.hashes);
    if (state.lists.all(lacks).length > 0) mesh.notify([id], rowsKind, lacks);
  }

  private send(news: News): void {
    const { mesh, clock, state } = this.components;
    if (this.sendTimer !== null) {
      this.outgoing = this.outgoing === null ? news : state.lists.join(this.outgoing, news);
      return;
    }
    // What does not fit is found by the comparison.
    mesh.notify(mesh.memberIds(), this.options.rowsKind, state.lists.cut(news));
    this.sendTimer = clock.after(sendMs, () => {
      this.sendTimer = null;
      const { outgoing } = this;
      this.outgoing = null;
      if (outgoing !== null) this.send(outgoing);
    });
  }

  private scheduleCheck(): void {
    const { clock, random, mesh } = this.components;
    this.checkTimer = clock.after(this.options.checkMs * (0.75 + random() / 2), () => {
      this.syncWithOneOf(mesh.memberIds().filter((id) => id !== mesh.nodeId));
      this.scheduleCheck();
    });
  }

  private syncWithOneOf(ids: readonly string[]): void {
    const id = ids[Math.floor(this.components.random() * ids.length)];
    if (id !== undefined) void this.sync(id);
  }
}
