// Facts of hosts from and for members of the version before, which know no rows: they ask with the notice `facts-wanted`, and
// answer with `facts`. It goes with the next version of the protocol.
import { z } from 'zod';
import { bridges, hosts, HostFacts } from '../../contract/cluster-kinds.ts';
import { HostFacts1 } from '../../contract/watch-messages-1.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import { facts1 } from '../cluster-watch-1.ts';
import type { ClusterRows } from './cluster-rows.ts';
import type { RowExchange, RowsMesh } from './exchange.ts';

const periodMs = 1_000;
const renewMs = 5_000;
const leaseMs = 3 * renewMs;
const interestKind = 'facts-wanted';
const factsKind = 'facts';

const FactsNotice = z.object({ version: z.string().max(253), full: z.boolean(), facts: HostFacts1.partial() });

export class FactsExchange1 {
  private readonly self: { nodeId: string; version: string };
  private readonly components: {
    readonly mesh: RowsMesh;
    readonly clock: Clock;
    readonly rows: ClusterRows;
    readonly exchange: RowExchange;
  };
  /** Until when each of them wants our facts. */
  private readonly wanted = new Map<string, number>();
  private readonly known = new Map<string, HostFacts1>();
  private isWatched = false;
  private askTimer: Timer | null = null;
  private tellTimer: Timer | null = null;

  constructor(self: { nodeId: string; version: string }, components: FactsExchange1['components']) {
    this.self = self;
    this.components = components;
    const { mesh, clock, exchange } = components;
    mesh.onNotice(interestKind, (_body, from) => {
      this.wanted.set(from.nodeId, clock.now() + leaseMs);
      exchange.setWanted(true);
      this.tell();
    });
    mesh.onNotice(factsKind, (body, from) => {
      this.onFacts(body, from.nodeId);
    });
  }

  setWatched(isWatched: boolean): void {
    this.isWatched = isWatched;
    this.askTimer?.cancel();
    this.askTimer = null;
    this.known.clear();
    if (isWatched) this.ask();
  }

  stop(): void {
    this.askTimer?.cancel();
    this.tellTimer?.cancel();
  }

  /** Members that have not answered with rows may be of the version before. */
  private ask(): void {
    const { mesh, clock, exchange } = this.components;
    const silent = mesh.memberIds().filter((id) => id !== this.self.nodeId && !exchange.hasHeard(id));
    if (silent.length > 0) mesh.notify(silent, interestKind, { full: true });
    this.askTimer = clock.after(renewMs, () => {
      this.ask();
    });
  }

  private tell(): void {
    const { mesh, clock, rows, exchange } = this.components;
    if (this.tellTimer) return;
    for (const [id, until] of this.wanted) if (until < clock.now()) this.wanted.delete(id);
    if (this.wanted.size === 0) {
      exchange.setWanted(false);
      return;
    }
    const facts = facts1(rows, this.self.nodeId);
    // A member that asked for rows gets those.
    const others = [...this.wanted.keys()].filter((id) => !exchange.isAsking(id));
    if (facts && others.length > 0) {
      mesh.notify(others, factsKind, { version: this.self.version, full: true, facts });
    }
    this.tellTimer = clock.after(periodMs, () => {
      this.tellTimer = null;
      this.tell();
    });
  }

  private onFacts(body: unknown, from: string): void {
    const { rows, exchange } = this.components;
    const notice = FactsNotice.safeParse(body);
    if (!notice.success || !this.isWatched || exchange.hasHeard(from)) return;
    const { version, full, facts } = notice.data;
    const merged = HostFacts1.safeParse(full ? facts : { ...this.known.get(from), ...facts });
    if (!merged.success) return;
    this.known.set(from, merged.data);
    rows.applyFrom(from, hosts, { put: [{ ...HostFacts.parse(merged.data), Node: from, Version: version }], gone: [] });
    const { Bridge, BridgeUplink, BridgeOwner, BridgePersistence, BridgeReboot, BridgeAlarms } = merged.data;
    if (Bridge === undefined) return;
    const row = {
      Node: from,
      Bridge,
      Uplink: BridgeUplink ?? '',
      Owner: BridgeOwner ?? '',
      Persistence: BridgePersistence ?? '',
      Reboot: BridgeReboot ?? '',
      Alarms: (BridgeAlarms ?? '').split('\n').filter((line) => line !== ''),
    };
    rows.applyFrom(from, bridges, { put: [row], gone: [] });
  }
}
