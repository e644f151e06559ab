// What the parts of one mesh node share. Each part owns its own state; this holds what all of them read.
import type { LinkStateMap } from '../../core/mesh/link-states.ts';
import type { Topology } from '../../core/mesh/topology.ts';
import type { RosterStore } from '../identity/roster-store.ts';
import type { Log } from '../log.ts';
import type { Clock } from './clock.ts';
import type { LinkCounters } from './link.ts';

export interface MeshParts {
  readonly selfId: string;
  readonly clock: Clock;
  /** 0 to 1, as Math.random. */
  readonly random: () => number;
  readonly roster: RosterStore;
  readonly map: LinkStateMap;
  readonly topology: Topology;
  readonly log: Pick<Log, 'debug' | 'info' | 'warn'>;
  readonly counters: LinkCounters;
  readonly degree: () => number;
  /** The highest protocol version that this node speaks. */
  readonly protocolMax: number;
}

/** A node's name for messages, or the start of its id. */
export function describeNode(parts: Pick<MeshParts, 'roster'>, id: string): string {
  return parts.roster.node(id)?.name ?? `node ${id.slice(0, 8)}`;
}
