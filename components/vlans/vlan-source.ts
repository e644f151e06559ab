// The VLANs of one cluster, to be followed. Fed by the fleet's deltas, so that a change costs what it concerns; a new snapshot, or a
// delta that was missed while nobody followed, makes the map again.
import type { FleetVm } from '../../contract/fleet.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf, type FleetView } from '../../core/fleet-view.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { FleetCollection } from '../../lib/fleet.ts';
import type { Readable } from '../../lib/observable.ts';
import { clusterOf } from '../frame/use-cluster.ts';
import { VlanIndex } from './vlan-index.ts';
import { emptyVlanMap, type VlanMap, type VlanName } from './vlan-view.ts';

export interface VlanSource extends Readable<VlanMap> {
  /** The VMs on a VLAN, by name. */
  readonly vmsOn: (vlan: VlanName) => FleetVm[];
}

export const noVlans: VlanSource = {
  get: () => emptyVlanMap,
  subscribe: () => () => undefined,
  vmsOn: () => [],
};

/** `wanted`: id or context of the cluster; empty for the first. */
export class FleetVlans implements VlanSource {
  private readonly wanted: string;
  private readonly fleet: Pick<FleetCollection, 'state' | 'onDelta'>;
  private readonly listeners = new Set<() => void>();
  private endFollowing: (() => void) | null = null;
  private index: VlanIndex | null = null;
  private cluster = '';
  /** Of the fleet that the index is made of; the view itself where no revision is. */
  private of: FleetView | null = null;

  constructor(wanted: string, components: { fleet: Pick<FleetCollection, 'state' | 'onDelta'> }) {
    this.wanted = wanted;
    this.fleet = components.fleet;
  }

  readonly get = (): VlanMap => {
    // While deltas are followed, the next one brings it up to date.
    if (this.endFollowing === null) this.catchUp();
    return this.index?.current ?? emptyVlanMap;
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    this.endFollowing ??= this.follow();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      this.endFollowing?.();
      this.endFollowing = null;
    };
  };

  readonly vmsOn = (vlan: VlanName): FleetVm[] => {
    const rows = rowsOf(this.fleet.state.get().view, fleetKeys.vms);
    return [...(this.index?.vmsOn(vlan) ?? [])]
      .flatMap((key) => rows.get(key) ?? [])
      .sort((a, b) => compareNames(a.Name, b.Name) || compareNames(a.Namespace, b.Namespace));
  };

  private follow(): () => void {
    this.catchUp();
    return this.fleet.onDelta((delta) => {
      const before = this.index?.current;
      const { view } = this.fleet.state.get();
      const isNext =
        delta !== null && this.of?.revision === delta.From && view.revision === delta.Revision && this.isOf(view);
      if (isNext) {
        this.of = view;
        this.index?.follow(delta.Kinds, view);
      } else this.catchUp();
      if (this.index?.current === before) return;
      for (const listener of [...this.listeners]) listener();
    });
  }

  private isOf(view: FleetView): boolean {
    return (clusterOf(view, this.wanted)?.Id ?? '') === this.cluster;
  }

  private catchUp(): void {
    const { view } = this.fleet.state.get();
    if (view === this.of) return;
    this.of = view;
    this.cluster = clusterOf(view, this.wanted)?.Id ?? '';
    this.index = this.cluster === '' ? null : new VlanIndex(this.cluster, view);
  }
}
