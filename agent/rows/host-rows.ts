// Sources of what a member says about its machine: the host, looked at once a second, and the bridge with the uplink.
import type { BridgeSummary } from '../../contract/bridge.ts';
import { bridges, hosts, type BridgeRow, type HostFacts, type HostRow } from '../../contract/cluster-kinds.ts';
import { maxFactCharacters } from '../../contract/limits.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { RowSource } from './source.ts';

const periodMs = 1_000;

export interface HostRowsComponents {
  readonly clock: Clock;
  readonly observe: () => Promise<HostFacts>;
  /** This host could not be observed this time. */
  readonly onError: (error: unknown) => void;
}

/** Cuts a text to the length that others accept: a longer one would hide the whole row. */
const cut = (text: string, most = maxFactCharacters) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** Facts of this host. */
export function hostSource(self: { nodeId: string; version: string }, components: HostRowsComponents): RowSource {
  return {
    kind: hosts,
    start: (sink) =>
      everySecond(components, async () => {
        const facts = await components.observe();
        const row: HostRow = {
          ...facts,
          Name: cut(facts.Name, 255),
          Load: cut(facts.Load, 255),
          Node: self.nodeId,
          Version: self.version,
        };
        sink.put(row);
      }),
  };
}

/** The bridge of this host; `fields` is what was seen last, null before the first look. */
export function bridgeSource(
  self: { nodeId: string },
  components: Omit<HostRowsComponents, 'observe'> & { readonly look: () => Promise<BridgeSummary | null> },
): RowSource {
  return {
    kind: bridges,
    start: (sink) =>
      everySecond(components, async () => {
        const summary = await components.look();
        if (summary !== null) sink.put(bridgeRow(self.nodeId, summary));
      }),
  };
}

export function bridgeRow(nodeId: string, summary: BridgeSummary): BridgeRow {
  return {
    Node: nodeId,
    Bridge: cut(summary.bridge),
    Uplink: cut(summary.uplink),
    Owner: cut(summary.owner),
    Persistence: cut(summary.persistence),
    Reboot: cut(summary.reboot),
    Alarms: summary.alarms.slice(0, 32).map((alarm) => cut(alarm)),
  };
}

/** Runs `once` now and a second after each end of it, until the returned function is called. */
function everySecond({ clock, onError }: Omit<HostRowsComponents, 'observe'>, once: () => Promise<void>): () => void {
  let timer: Timer | null = null;
  let isStopped = false;
  const round = () => {
    void once()
      // No file handle was left, say: the next round tries again.
      .catch(onError)
      .finally(() => {
        if (!isStopped) timer = clock.after(periodMs, round);
      });
  };
  round();
  return () => {
    isStopped = true;
    timer?.cancel();
  };
}
