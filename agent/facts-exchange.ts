// Host facts between members. A node that has a watcher tells the others so. Each of them sends its facts by unicast, once a
// second at most and changed fields only, until the lease of that notice ends. Nothing is sent while nobody watches.
import { z } from 'zod';
import { maxFactCharacters } from '../contract/limits.ts';
import { HostFacts } from '../contract/watch.ts';
import type { Clock, Timer } from './mesh/clock.ts';

const periodMs = 1_000;
/** Interest is renewed at this period and lasts three of them: one lost notice changes nothing. */
const renewMs = 5_000;
const leaseMs = 3 * renewMs;

/** A notice can be lost with a link: this node asks for everything again at this period, so that no field stays wrong. */
const refreshMs = 30_000;

const interestKind = 'facts-wanted';
const factsKind = 'facts';

/** `full`: the asker has nothing, or something old: send everything once. */
const InterestNotice = z.object({ full: z.boolean() });
/** `full`: replaces the known facts; otherwise holds changed fields only. */
const FactsNotice = z.object({ version: z.string().max(255), full: z.boolean(), facts: HostFacts.partial() });

export interface NodeFacts {
  readonly version: string;
  readonly facts: HostFacts;
}

/** What this needs of the mesh. */
export interface FactsMesh {
  memberIds(): string[];
  notify(nodeIds: readonly string[], kind: string, body: unknown): void;
  onNotice(kind: string, handler: (body: unknown, from: { nodeId: string }) => void): void;
}

export interface FactsExchangeComponents {
  readonly mesh: FactsMesh;
  readonly clock: Clock;
  readonly observe: () => Promise<HostFacts>;
  /** Facts of some node changed. */
  readonly onChange: () => void;
  /** This host could not be observed this time. */
  readonly onError: (error: unknown) => void;
}

/** Cuts this host's texts to the length others accept: a longer text would hide all facts of the host. */
function boundedFacts(facts: HostFacts): HostFacts {
  const cut = Object.entries(facts).map(([key, value]) => [
    key,
    typeof value === 'string' && value.length > maxFactCharacters ? `${value.slice(0, maxFactCharacters - 1)}…` : value,
  ]);
  // Only texts became shorter.
  return Object.fromEntries(cut) as HostFacts;
}

export class FactsExchange {
  private readonly self: { nodeId: string; version: string };
  private readonly components: FactsExchangeComponents;
  private readonly known = new Map<string, NodeFacts & { readonly fullAt: number }>();
  /** Who wants our facts: until when, and whether they have the full set that `sent` says. */
  private readonly wanted = new Map<string, { until: number; hasFull: boolean }>();
  private sent: Partial<HostFacts> = {};
  private isWatched = false;
  private renewAt = 0;
  private timer: Timer | null = null;
  private isRunning = true;

  constructor(self: { nodeId: string; version: string }, components: FactsExchangeComponents) {
    this.self = self;
    this.components = components;
    const { mesh } = components;
    mesh.onNotice(interestKind, (body, from) => {
      const interest = InterestNotice.safeParse(body);
      if (!interest.success) return;
      const hadFull = this.wanted.get(from.nodeId)?.hasFull ?? false;
      this.wanted.set(from.nodeId, {
        until: components.clock.now() + leaseMs,
        hasFull: hadFull && !interest.data.full,
      });
      this.schedule(0);
    });
    mesh.onNotice(factsKind, (body, from) => {
      this.receive(body, from.nodeId);
    });
  }

  /** Facts by node id, as far as they are known: only while this node is watched. */
  get(nodeId: string): NodeFacts | null {
    return this.known.get(nodeId) ?? null;
  }

  /** This node has a watcher, or no longer has one. */
  setWatched(isWatched: boolean): void {
    this.isWatched = isWatched;
    this.renewAt = 0;
    if (!isWatched) this.known.clear();
    else this.schedule(0);
  }

  /** The members changed: this node asks a new one at once, and forgets a lost one. */
  membersChanged(): void {
    const members = new Set(this.components.mesh.memberIds());
    for (const id of this.known.keys()) if (!members.has(id)) this.known.delete(id);
    for (const id of this.wanted.keys()) if (!members.has(id)) this.wanted.delete(id);
    if (!this.isWatched) return;
    const strangers = [...members].filter((id) => id !== this.self.nodeId && !this.known.has(id));
    if (strangers.length > 0) this.components.mesh.notify(strangers, interestKind, { full: true });
  }

  stop(): void {
    this.isRunning = false;
    this.timer?.cancel();
    this.timer = null;
  }

  private schedule(delayMs: number): void {
    if (!this.isRunning || this.timer !== null) return;
    this.timer = this.components.clock.after(delayMs, () => {
      void this.round()
        // No file handle was left, say: the next round tries again.
        .catch(this.components.onError)
        .finally(() => {
          this.timer = null;
          if (this.isWatched || this.wanted.size > 0) this.schedule(periodMs);
        });
    });
  }

  private async round(): Promise<void> {
    const { clock, mesh, observe } = this.components;
    const now = clock.now();
    for (const [id, { until }] of this.wanted) if (until < now) this.wanted.delete(id);
    if (this.isWatched && now >= this.renewAt) {
      this.renewAt = now + renewMs;
      this.renewInterest(now);
    }
    const facts = boundedFacts(await observe());
    if (!this.isRunning) return;
    if (this.isWatched) {
      this.known.set(this.self.nodeId, { version: this.self.version, facts, fullAt: now });
      this.components.onChange();
    }
    const fresh = [...this.wanted].filter(([, want]) => !want.hasFull).map(([id]) => id);
    const others = [...this.wanted].filter(([, want]) => want.hasFull).map(([id]) => id);
    const { version } = this.self;
    if (fresh.length > 0) mesh.notify(fresh, factsKind, { version, full: true, facts });
    const changed = Object.fromEntries(
      Object.entries(facts).filter(([key, value]) => this.sent[key as keyof HostFacts] !== value),
    );
    if (others.length > 0 && Object.keys(changed).length > 0) {
      mesh.notify(others, factsKind, { version, full: false, facts: changed });
    }
    this.sent = facts;
    for (const want of this.wanted.values()) want.hasFull = true;
  }

  private renewInterest(now: number): void {
    const { mesh } = this.components;
    const others = mesh.memberIds().filter((id) => id !== this.self.nodeId);
    const isCurrent = (id: string) => now - (this.known.get(id)?.fullAt ?? -Infinity) < refreshMs;
    const current = others.filter(isCurrent);
    const old = others.filter((id) => !isCurrent(id));
    if (current.length > 0) mesh.notify(current, interestKind, { full: false });
    if (old.length > 0) mesh.notify(old, interestKind, { full: true });
  }

  private receive(body: unknown, nodeId: string): void {
    const notice = FactsNotice.safeParse(body);
    if (!notice.success || !this.isWatched) return;
    const { version, full, facts } = notice.data;
    const before = this.known.get(nodeId);
    const merged = HostFacts.safeParse(full ? facts : { ...before?.facts, ...facts });
    // The full set before this delta was lost: the next renewal asks for everything.
    if (!merged.success) return;
    const fullAt = full ? this.components.clock.now() : (before?.fullAt ?? 0);
    this.known.set(nodeId, { version, facts: merged.data, fullAt });
    this.components.onChange();
  }
}
