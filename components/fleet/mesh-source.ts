// One cluster as a MeshView that can be followed. Each view is made on request from the fleet and the view before, so that
// what did not change stays the same object. The picture and the tables redraw only what became another object.
import type { FleetState } from '../../lib/fleet.ts';
import type { Readable } from '../../lib/observable.ts';
import { clusterOf } from '../frame/use-cluster.ts';
import { emptyMesh, meshView } from './mesh-view.ts';
import type { MeshView } from './mesh-view.ts';

export class MeshSource implements Readable<MeshView> {
  private readonly wanted: string;
  private readonly fleet: Readable<FleetState>;
  private of: FleetState['view'] | null = null;
  private mesh: MeshView = emptyMesh;

  /** `wanted`: id or context of the cluster; empty for the first. */
  constructor(wanted: string, components: { fleet: Readable<FleetState> }) {
    this.wanted = wanted;
    this.fleet = components.fleet;
  }

  readonly get = (): MeshView => {
    const { view } = this.fleet.get();
    if (view !== this.of) {
      const before = this.of && { mesh: this.mesh, rows: this.of };
      this.of = view;
      this.mesh = meshView(view, clusterOf(view, this.wanted), before);
    }
    return this.mesh;
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    let seen = this.get();
    return this.fleet.subscribe(() => {
      const next = this.get();
      if (next === seen) return;
      seen = next;
      listener();
    });
  };
}
