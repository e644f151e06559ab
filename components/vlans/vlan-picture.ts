// The graph of VLANs on a canvas: places that are settled once and kept, a camera, the pointer. Loaded only when it is looked at.
//
// INVARIANTS
// - It draws at most once in a frame, and only when something changed.
// - `kill` ends worker, timer, listeners and observer.
import type { FleetVm } from '../../contract/fleet.ts';
import { onSchemeChange, readColours, type MeshColours } from '../topology/colours.ts';
import type { LayoutProgress } from '../topology/layout.worker.ts';
import { planLayout, type LayoutRequest, type Point, type PositionStore } from '../topology/positions.ts';
import { cameraFor, moved, pointAt, zoomed, type Camera } from './camera.ts';
import { paint } from './painter.ts';
import { followPointer } from './pointer.ts';
import {
  boundsOf,
  emptyScene,
  hitAt,
  layoutIds,
  layoutLinks,
  sameHit,
  sceneOf,
  type Bounds,
  type Scene,
  type SceneHit,
} from './scene.ts';
import { emptyVlanMap, type VlanMap, type VlanName } from './vlan-view.ts';

export interface PictureMarks {
  /** Key of the selected VLAN and id of the selected node; null: none. */
  readonly vlan: string | null;
  readonly node: string | null;
  /** Keys of VLANs that a search found; null: all. */
  readonly found: ReadonlySet<string> | null;
}

export interface VlanPictureComponents {
  readonly positions: PositionStore;
  readonly isCalm: () => boolean;
  readonly vmsOn: (vlan: VlanName) => readonly FleetVm[];
  readonly onSelect: (vlan: string | null, node: string | null) => void;
  readonly onOpen: (vm: FleetVm) => void;
}

/** How far beside something the pointer may be, in pixels. */
const reach = 5;
/** Of the words below the picture. */
const legendHeight = 32;
/** A map with so many lines is drawn once a second when VMs change. */
const manyLinks = 2_000;
const slowMs = 1_000;

export class VlanPicture {
  private readonly components: VlanPictureComponents;
  private readonly canvas: HTMLCanvasElement;
  private readonly places: Map<string, Point>;
  private readonly ends: (() => void)[] = [];
  private colours: MeshColours;
  private map: VlanMap = emptyVlanMap;
  private marks: PictureMarks = { vlan: null, node: null, found: null };
  private scene: Scene = emptyScene;
  private isSceneDue = false;
  private camera: Camera = { x: 0, y: 0, scale: 1 };
  /** Nobody moved it yet: it shows all that there is. */
  private isFitted = true;
  private hovered: SceneHit | null = null;
  private worker: Worker | null = null;
  private frame = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(container: HTMLElement, components: VlanPictureComponents) {
    this.components = components;
    this.places = components.positions.load();
    this.colours = readColours(container);
    this.canvas = document.createElement('canvas');
    this.canvas.className = 'absolute inset-0 size-full touch-none';
    container.append(this.canvas);
    const observer = new ResizeObserver(() => this.draw());
    observer.observe(this.canvas);
    this.ends.push(
      () => observer.disconnect(),
      onSchemeChange(() => {
        this.colours = readColours(container);
        this.draw();
      }),
    );
    this.ends.push(
      followPointer(this.canvas, {
        onDragged: (by) => this.look(moved(this.camera, by)),
        onHovered: (at) => this.hover(at),
        onClicked: (at) => this.click(at),
        onOpened: (at) => this.open(at),
        onZoomed: (factor, at) => this.zoomBy(factor, at),
      }),
    );
  }

  show(map: VlanMap): void {
    this.map = map;
    this.settle(false);
    if (this.scene.links.length < manyLinks) this.redraw();
    else {
      this.timer ??= setTimeout(() => {
        this.timer = null;
        this.redraw();
      }, slowMs);
    }
  }

  mark(marks: PictureMarks): void {
    this.marks = marks;
    this.redraw();
  }

  fit(): void {
    this.isFitted = true;
    this.draw();
  }

  /** `at`: stays where it is on the screen; the middle unless given. */
  zoomBy(factor: number, at?: Point): void {
    const { width, height } = this.size();
    this.look(zoomed(this.camera, factor, at ?? { x: width / 2, y: height / 2 }));
  }

  /** In shares of the picture's width and height. */
  moveBy(right: number, down: number): void {
    const { width, height } = this.size();
    this.look(moved(this.camera, { x: -right * width, y: -down * height }));
  }

  /** Settles the layout again: all may move. */
  arrange(): void {
    this.settle(true);
  }

  kill(): void {
    this.worker?.terminate();
    if (this.timer !== null) clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    for (const end of this.ends) end();
    this.canvas.remove();
  }

  // ---- places

  private settle(isAll: boolean): void {
    const ids = layoutIds(this.map);
    // Lines matter only for who has no place yet.
    if (!isAll && ids.every((id) => this.places.has(id))) return;
    const request = planLayout(ids, layoutLinks(this.map), this.places, isAll);
    if (request === null) return;
    for (const { id, x, y } of request.nodes) this.places.set(id, { x, y });
    this.startWorker(request);
  }

  private startWorker(request: LayoutRequest): void {
    this.worker?.terminate();
    const worker = new Worker(new URL('../topology/layout.worker.ts', import.meta.url), { type: 'module' });
    this.worker = worker;
    worker.addEventListener('message', ({ data }: MessageEvent<LayoutProgress>) => {
      if (this.worker !== worker) return;
      if (!data.isDone && this.components.isCalm()) return;
      request.nodes.forEach(({ id }, index) => {
        const [x, y] = [data.coordinates[2 * index], data.coordinates[2 * index + 1]];
        if (x !== undefined && y !== undefined && Number.isFinite(x + y)) this.places.set(id, { x, y });
      });
      this.redraw();
      if (!data.isDone) return;
      worker.terminate();
      this.worker = null;
      const known = new Set(layoutIds(this.map));
      this.components.positions.save(new Map([...this.places].filter(([id]) => known.has(id))));
    });
    worker.postMessage(request);
  }

  // ---- drawing

  private size(): { readonly width: number; readonly height: number } {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  private cameraForAll(bounds: Bounds): Camera {
    const { width, height } = this.size();
    return cameraFor(bounds, { width, height: height - legendHeight });
  }

  private look(camera: Camera): void {
    this.isFitted = false;
    this.camera = camera;
    this.draw();
  }

  private redraw(): void {
    this.isSceneDue = true;
    this.draw();
  }

  private makeScene(): void {
    if (!this.isSceneDue) return;
    this.isSceneDue = false;
    const { places, marks, components } = this;
    this.scene = sceneOf(this.map, { places, selected: marks.vlan, vmsOn: components.vmsOn });
  }

  private draw(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.makeScene();
      const bounds = this.isFitted ? boundsOf(this.scene) : null;
      if (bounds !== null) this.camera = this.cameraForAll(bounds);
      this.paint();
    });
  }

  private paint(): void {
    const { canvas } = this;
    const { width, height } = this.size();
    const ratio = window.devicePixelRatio;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    const context = canvas.getContext('2d');
    if (context === null) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { camera, colours, hovered, marks } = this;
    paint(context, this.scene, { camera, width, height, colours, hovered, ...marks });
  }

  // ---- the pointer

  private hitAt(at: Point): SceneHit | null {
    return hitAt(this.scene, pointAt(this.camera, at), reach / this.camera.scale);
  }

  private hover(at: Point | null): void {
    const hit = at === null ? null : this.hitAt(at);
    if (sameHit(hit, this.hovered)) return;
    this.hovered = hit;
    this.canvas.style.cursor = hit === null ? '' : 'pointer';
    this.draw();
  }

  private click(at: Point): void {
    const { onSelect } = this.components;
    const { vlan, node } = this.marks;
    const hit = this.hitAt(at);
    if (hit === null) onSelect(null, null);
    else if (hit.is === 'hub') onSelect(hit.hub.vlan.key === vlan && node === null ? null : hit.hub.vlan.key, null);
    else if (hit.is === 'leaf') onSelect(vlan, hit.box.node.id);
    else onSelect(null, hit.box.node.id === node && vlan === null ? null : hit.box.node.id);
  }

  private open(at: Point): void {
    const hit = this.hitAt(at);
    if (hit?.is === 'leaf') this.components.onOpen(hit.leaf.vm);
  }
}
