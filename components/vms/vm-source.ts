// The table of VMs, to be followed: it hears deltas, and tells who draws it once per frame of the screen.
import type { FleetDelta } from '../../contract/fleet.ts';
import type { FleetCollection } from '../../lib/fleet.ts';
import { Observable, type Readable } from '../../lib/observable.ts';
import { VmIndex, type VmArrangement, type VmCounts } from './vm-index.ts';
import type { VmLine } from './vm-line.ts';

export interface VmTable {
  /** Those that fit the filter, in order. */
  readonly rows: readonly VmLine[];
  /** Of all VMs of the cluster. */
  readonly counts: VmCounts;
  readonly total: number;
}

export interface VmSourceComponents {
  readonly fleet: Pick<FleetCollection, 'state' | 'onDelta'>;
  /** Runs something before the next frame; requestAnimationFrame, which rests while nobody looks. */
  readonly onFrame: (run: () => void) => void;
}

export class VmSource {
  private readonly index: VmIndex;
  private readonly components: VmSourceComponents;
  private readonly current: Observable<VmTable>;
  private listeners = 0;
  private stop: (() => void) | null = null;
  private revision: number;
  private isDue = false;

  /** `cluster`: its id. */
  constructor(cluster: string, components: VmSourceComponents) {
    this.index = new VmIndex(cluster);
    this.components = components;
    const { view } = components.fleet.state.get();
    this.index.reset(view);
    this.revision = view.revision;
    this.current = new Observable(this.table());
  }

  /** Another order or filter: shown at once. */
  arrange(arrangement: VmArrangement): void {
    this.index.arrange(arrangement);
    this.current.set(this.table());
  }

  /** The VM of this key, filtered out or not. */
  readonly vm = (key: string): VmLine | undefined => this.index.get(key);

  /** By the name of its node, and its id or name there. */
  readonly find = (node: string, vm: string): VmLine | undefined => this.index.find(node, vm);

  /** All VMs of the cluster, in no order. */
  readonly all = (): IterableIterator<VmLine> => this.index.values();

  /** Follows the fleet while anyone listens. */
  readonly state: Readable<VmTable> = {
    get: () => this.current.get(),
    subscribe: (listener) => {
      const end = this.current.subscribe(listener);
      this.listeners += 1;
      if (this.listeners === 1) this.follow();
      return () => {
        end();
        this.listeners -= 1;
        if (this.listeners > 0) return;
        this.stop?.();
        this.stop = null;
      };
    },
  };

  private follow(): void {
    const { fleet } = this.components;
    // What came while nobody listened.
    if (fleet.state.get().view.revision !== this.revision) this.takeAll();
    this.stop = fleet.onDelta((delta) => this.take(delta));
  }

  private take(delta: FleetDelta | null): void {
    const { view } = this.components.fleet.state.get();
    const isNext = delta !== null && delta.From === this.revision && delta.Revision === view.revision;
    if (!isNext) {
      this.takeAll();
      return;
    }
    this.revision = view.revision;
    if (this.index.apply(delta, view)) this.showSoon();
  }

  private takeAll(): void {
    const { view } = this.components.fleet.state.get();
    this.revision = view.revision;
    this.index.reset(view);
    this.showSoon();
  }

  private showSoon(): void {
    if (this.isDue) return;
    this.isDue = true;
    this.components.onFrame(() => {
      this.isDue = false;
      this.current.set(this.table());
    });
  }

  private table(): VmTable {
    return { rows: this.index.rows(), counts: this.index.counts(), total: this.index.size };
  }
}
