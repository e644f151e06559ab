// The fleet in the browser: every cluster's rows, subscribed while anyone looks, with the age of what is shown.
import type { FleetDelta, FleetSnapshot } from '../contract/fleet.ts';
import { allFleetKeys, fleetKeys } from '../contract/fleet-keys.ts';
import type { KindKey } from '../contract/kind-keys.ts';
import {
  applyFleetDelta,
  deltaFit,
  emptyFleet,
  fleetFromSnapshot,
  joinSnapshot,
  type FleetView,
} from '../core/fleet-view.ts';
import type { ConsoleClient } from './client.ts';
import { Collection, type CollectionState } from './collection.ts';
import type { Readable } from './observable.ts';

export interface FleetState extends CollectionState {
  readonly view: FleetView;
  /** When the server last said so, by this browser's clock, ms since 1970; null before the first snapshot. */
  readonly asOf: number | null;
  /** The server's clock minus this browser's, ms: ages of what the server dates are `now + serverOffsetMs - At`. */
  readonly serverOffsetMs: number;
}

/** A clock that seems to have moved by less has not: messages take longer at times, and ages are shown in seconds. */
const clockJitterMs = 250;

export const noFleet: FleetState = { status: 'loading', view: emptyFleet, asOf: null, serverOffsetMs: 0, error: '' };

/** What the mesh is drawn from: a fraction of the rows where there are many VMs. */
const earlyNames = [fleetKeys.clusters, fleetKeys.nodes, fleetKeys.links, fleetKeys.hosts, fleetKeys.bridges].map(
  ({ name }) => name,
);
const earlyKindNames: ReadonlySet<string> = new Set(earlyNames);

/** A page that draws nothing by then gets the rest all the same. */
const mostHeldMs = 2_000;

export class FleetCollection {
  private readonly now: () => number;
  private readonly collection: Collection<FleetState, FleetSnapshot, FleetDelta>;
  private holds = 0;
  private waiting: (() => void)[] = [];
  private readonly deltaListeners = new Set<(delta: FleetDelta | null) => void>();

  /** `kinds`: those that pages know, as the fleet has them; all of the contract's unless given. */
  constructor(components: { client: ConsoleClient; now: () => number; kinds?: readonly KindKey[] }) {
    const { client, kinds = allFleetKeys } = components;
    const earlyKinds = kinds.filter(({ name }) => earlyKindNames.has(name));
    const otherKinds = kinds.filter(({ name }) => !earlyKindNames.has(name));
    const follow = (state: FleetState, delta: FleetDelta, known: readonly KindKey[]) => {
      switch (deltaFit(state.view, delta)) {
        case 'next':
          return this.dated(state, applyFleetDelta(state.view, delta, known));
        case 'old':
          return state;
        case 'gap':
          return null;
      }
    };
    this.now = components.now;
    this.collection = new Collection<FleetState, FleetSnapshot, FleetDelta>({
      client,
      empty: noFleet,
      ask: async () => {
        if (this.holds > 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
        return client.call('fleet.subscribe', { Without: earlyNames });
      },
      early: {
        ask: () => client.call('fleet.subscribe', { Only: earlyNames }),
        start: (state, snapshot) => this.dated(state, fleetFromSnapshot(snapshot, earlyKinds)),
        next: (state, delta) => follow(state, delta, earlyKinds),
      },
      leave: () => client.call('fleet.unsubscribe', {}),
      start: (_state, rest, begun) => {
        if (begun === null) return null;
        const view = joinSnapshot(begun.state.view, rest, { deltas: begun.events, kinds: otherKinds });
        return view && { ...begun.state, view };
      },
      next: (state, delta) => follow(state, delta, kinds),
      onApplied: (delta) => {
        for (const listener of [...this.deltaListeners]) listener(delta);
      },
    });
    client.on('fleet.delta', (delta) => {
      this.collection.receive(delta);
    });
  }

  get state(): Readable<FleetState> {
    return this.collection.state;
  }

  /** Clusters, nodes, links, hosts and bridges as soon as these are there; all of it from then on. */
  get early(): Readable<FleetState> {
    return this.collection.early;
  }

  /**
   * What is not early is not asked for until the returned function is called, or for two seconds: making and reading megabytes of it would
   * hold up the first picture of a page that needs none of it.
   */
  holdRest(): () => void {
    this.holds += 1;
    let isHeld = true;
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      clearTimeout(timer);
      this.holds -= 1;
      if (this.holds === 0) for (const go of this.waiting.splice(0)) go();
    };
    const timer = setTimeout(release, mostHeldMs);
    return release;
  }

  /** Keeps it subscribed until the returned function is called. Subscriptions are counted. */
  retain(): () => void {
    return this.collection.retain();
  }

  /** Hears each delta after it was applied, and null after a new snapshot: for pictures that change in place. */
  onDelta(listener: (delta: FleetDelta | null) => void): () => void {
    this.deltaListeners.add(listener);
    return () => {
      this.deltaListeners.delete(listener);
    };
  }

  private dated(before: FleetState, view: FleetView): FleetState {
    const now = this.now();
    const offsetMs = view.now - now;
    const isJitter = before.asOf !== null && Math.abs(offsetMs - before.serverOffsetMs) < clockJitterMs;
    return { ...before, view, asOf: now, serverOffsetMs: isJitter ? before.serverOffsetMs : offsetMs };
  }
}
