// The live picture of the mesh: a graph that follows the fleet, drawn by sigma, laid out in a worker. Loaded only in a
// browser. Nodes keep their places; what changes is redrawn in place, and nothing else is looked at: at 1,000 nodes much
// changes at any time.
//
// INVARIANTS
// - A node is in the graph only when it has a position. The graph has no links: link-layer.ts draws them, so that links
//   that come and go concern nothing else. Whenever sigma has placed nodes, all links are written again.
// - A link that went stays as a ghost until it has faded.
// - What is drawn is changed in the graph's attributes in place: its setters make sigma index everything again. `paint`
//   names to sigma what it must repaint. While an index is due (all was redrawn), that index repaints.
// - `kill` ends worker, timer, listeners and the WebGL contexts (browsers keep few of these).
import { UndirectedGraph } from 'graphology';

import type { Settings } from 'sigma/settings';
import type { NodeDisplayData, PartialButFor } from 'sigma/types';
import type { FleetLink } from '../../contract/fleet.ts';
import { changedKeys } from '../../core/row-map.ts';
import { emptyMesh } from '../fleet/mesh-view.ts';
import type { MeshNode, MeshView } from '../fleet/mesh-view.ts';
import type { MeshColours } from './colours.ts';
import { onSchemeChange, readColours } from './colours.ts';
import type { LayoutProgress } from './layout.worker.ts';
import { LinkLayer, type DrawnLink } from './link-layer.ts';
import { baseSize, drawLink, drawNode, lostLinkMs, newLinkMs, numberOf } from './looks.ts';
import type { DrawingContext, LinkDrawing, NodeDrawing } from './looks.ts';
import { liveMark, markOnce, settledMark } from './marks.ts';
import { planLayout } from './positions.ts';
import type { LayoutRequest, Point, PositionStore } from './positions.ts';
import { MeshNodeProgram } from './programs.ts';
import { SizedSigma } from './sized-sigma.ts';
import { stagePadding } from './sketch.ts';

export interface PictureOptions {
  /** Id of the selected node. */
  readonly selected: string | null;
  /** Ids that a search found; null: there is no search. */
  readonly matching: ReadonlySet<string> | null;
  readonly cutNodes: ReadonlySet<string> | null;
  readonly cutLinks: ReadonlySet<string> | null;
}

export interface PictureComponents {
  /** Of a cluster, by its id. */
  readonly positions: (cluster: string) => PositionStore;
  /** The server's clock now. */
  readonly now: () => number;
  readonly isCalm: () => boolean;
  readonly onSelect: (id: string | null) => void;
  readonly onOpen: (id: string) => void;
  /** Nodes are on the screen. */
  readonly onDrawn: () => void;
}

interface Ghost {
  readonly a: string;
  readonly b: string;
  readonly goneAt: number;
}

type PictureGraph = UndirectedGraph<NodeDrawing & Point, object>;

const tickMs = 250;
const moveMs = 180;
const dimmed = 0.14;
export class Picture {
  private readonly components: PictureComponents;
  private readonly container: HTMLElement;
  private graph: PictureGraph = new UndirectedGraph();
  private readonly links: LinkLayer;
  private readonly sigma: SizedSigma<NodeDrawing & Point, object>;
  private store: PositionStore | null = null;
  private places = new Map<string, Point>();
  private readonly ghosts = new Map<string, Ghost>();
  /** Keys of links that stand out because they are new. */
  private readonly flashing = new Set<string>();
  private readonly lost = new Set<string>();
  private isIndexDue = false;
  private readonly endSchemeChange: () => void;
  private colours: MeshColours;
  private mesh: MeshView = emptyMesh;
  private options: PictureOptions = { selected: null, matching: null, cutNodes: null, cutLinks: null };
  private hovered: string | null = null;
  private lit: ReadonlySet<string> | null = null;
  private worker: Worker | null = null;
  private timer: ReturnType<typeof setInterval> | null = null;
  private hasFitted = false;
  private isDrawn = false;
  private box: { x: [number, number]; y: [number, number] } | null = null;

  constructor(container: HTMLElement, components: PictureComponents) {
    this.container = container;
    this.components = components;
    this.colours = readColours(container);
    this.links = new LinkLayer({
      placeOf: (id) => this.sigma.getNodeDisplayData(id),
      lookOf: (link) => this.lookOf(link),
    });
    this.sigma = new SizedSigma(this.graph, container, this.settings());
    this.endSchemeChange = onSchemeChange(() => {
      // Not sigma.setSettings: sigma 3.0.3 then puts its hover programs in the place of the node programs, and draws no node.
      this.colours = readColours(container);
      this.redraw();
    });
    this.listen();
  }

  /** Shows this mesh. Nodes and links that are the same objects as before are left alone (mesh-view.ts). */
  show(mesh: MeshView): void {
    const previous = this.mesh;
    this.mesh = mesh;
    if (previous.cluster?.Id !== mesh.cluster?.Id) this.enter(mesh.cluster?.Id ?? '');
    else if (previous.links !== mesh.links) this.findGhosts(previous, mesh);
    // The order is by name: the same set of nodes has the same order.
    const areSameNodes =
      previous.nodes.length === mesh.nodes.length &&
      mesh.nodes.every((node, index) => previous.nodes[index]?.id === node.id);
    if (areSameNodes) this.follow(previous, mesh);
    else {
      this.settle(false);
      this.redraw();
    }
  }

  /** What is selected, found or marked. */
  mark(options: PictureOptions): void {
    const { selected, matching, cutNodes, cutLinks } = this.options;
    const isSame =
      selected === options.selected &&
      isSameSet(matching, options.matching) &&
      isSameSet(cutNodes, options.cutNodes) &&
      isSameSet(cutLinks, options.cutLinks);
    if (isSame) return;
    this.options = options;
    this.redraw();
  }

  /** Moves to a node and its neighbourhood. */
  zoomTo(id: string): void {
    const place = this.sigma.getNodeDisplayData(id);
    if (!place) return;
    const camera = this.sigma.getCamera();
    const ratio = Math.min(camera.ratio, this.graph.order > 100 ? 0.25 : 0.7);
    void camera.animate({ x: place.x, y: place.y, ratio }, { duration: this.duration() });
  }

  fit(): void {
    void this.sigma.getCamera().animate({ x: 0.5, y: 0.5, ratio: 1, angle: 0 }, { duration: this.duration() });
  }

  zoomBy(factor: number): void {
    const camera = this.sigma.getCamera();
    void camera.animate({ ratio: camera.ratio / factor }, { duration: this.duration() });
  }

  /** In shares of the picture's width and height. */
  moveBy(right: number, down: number): void {
    const camera = this.sigma.getCamera();
    void camera.animate(
      { x: camera.x + right * camera.ratio, y: camera.y - down * camera.ratio },
      { duration: this.duration() },
    );
  }

  /** Settles the layout again: all nodes may move. */
  arrange(): void {
    this.settle(true);
  }

  /** Where nodes stand now, by id. */
  placesNow(): ReadonlyMap<string, Point> {
    return new Map(this.graph.mapNodes((id, { x, y }) => [id, { x, y }]));
  }

  kill(): void {
    this.worker?.terminate();
    if (this.timer !== null) clearInterval(this.timer);
    this.endSchemeChange();
    this.sigma.kill();
  }

  private duration(): number {
    return this.components.isCalm() ? 0 : moveMs;
  }

  private settings(): Partial<Settings<NodeDrawing & Point, object>> {
    return {
      // Under the names of sigma's own programs, which would be compiled beside ours otherwise.
      nodeProgramClasses: { circle: MeshNodeProgram },
      edgeProgramClasses: this.links.programs,
      allowInvalidContainer: true,
      zIndex: true,
      stagePadding,
      minCameraRatio: 0.02,
      maxCameraRatio: 3,
      labelDensity: 0.6,
      labelGridCellSize: 90,
      labelRenderedSizeThreshold: 8,
      labelFont: getComputedStyle(this.container).fontFamily,
      defaultDrawNodeLabel: (context, data) => this.drawLabel(context, data),
      defaultDrawNodeHover: (context, data) => this.drawLabel(context, data, true),
      nodeReducer: (id, data) => this.reduceNode(id, data),
    };
  }

  private listen(): void {
    this.sigma.on('clickNode', ({ node }) => this.components.onSelect(node));
    this.sigma.on('doubleClickNode', (event) => {
      event.preventSigmaDefault();
      this.components.onOpen(event.node);
    });
    this.sigma.on('clickStage', () => this.components.onSelect(null));
    this.sigma.on('enterNode', ({ node }) => this.hover(node));
    this.sigma.on('leaveNode', () => this.hover(null));
    this.sigma.on('afterProcess', () => {
      this.isIndexDue = false;
      this.links.rewrite();
    });
    this.sigma.on('afterRender', () => {
      if (this.graph.order === 0 || this.isDrawn) return;
      this.isDrawn = true;
      markOnce(liveMark);
      this.components.onDrawn();
    });
  }

  private hover(id: string | null): void {
    this.hovered = id;
    this.container.style.cursor = id === null ? '' : 'pointer';
    this.light();
    this.links.rewrite();
    this.sigma.refresh({ skipIndexation: true });
  }

  /** What stays bright: the neighbourhood under the pointer, else what a search found, else all. */
  private light(): void {
    const hovered = this.hovered === null ? undefined : this.mesh.byId.get(this.hovered);
    if (hovered) {
      this.lit = new Set([hovered.id, ...hovered.peers, ...hovered.halfPeers]);
    } else {
      this.lit = this.options.matching;
    }
  }

  private reduceNode(id: string, data: NodeDrawing & Point): Partial<NodeDisplayData> {
    const { lit, options } = this;
    const isLit = lit === null || lit.has(id);
    const isNamed = id === options.selected || id === this.hovered || (this.hovered !== null && isLit);
    // Sigma's type leaves out what the program reads; it hands it on.
    const drawn: Partial<NodeDisplayData> & Partial<NodeDrawing> = {
      ...data,
      ...(isLit ? {} : { fade: data.fade * dimmed, label: '' }),
      ...(isNamed ? { forceLabel: true } : {}),
    };
    return drawn;
  }

  private lookOf({ a, b, drawing }: DrawnLink): LinkDrawing {
    if (this.lit === null) return drawing;
    const isTouched =
      this.hovered === null ? this.lit.has(a) && this.lit.has(b) : a === this.hovered || b === this.hovered;
    if (!isTouched) return { ...drawing, fade: drawing.fade * dimmed };
    if (this.hovered === null) return drawing;
    return { ...drawing, color: this.colours.accent, size: drawing.size * 1.6, zIndex: 2 };
  }

  /** Another cluster, or the first. */
  private enter(cluster: string): void {
    this.ghosts.clear();
    this.flashing.clear();
    this.worker?.terminate();
    this.worker = null;
    this.store = cluster === '' ? null : this.components.positions(cluster);
    this.places = this.store?.load() ?? new Map<string, Point>();
    this.hasFitted = false;
    this.box = null;
  }

  private findGhosts(previous: MeshView, next: MeshView): void {
    const goneAt = this.components.now();
    for (const key of changedKeys(previous.links, next.links)) {
      const gone = next.links.has(key) ? undefined : previous.links.get(key);
      if (gone) this.ghosts.set(key, { a: gone.A, b: gone.B, goneAt });
      else this.ghosts.delete(key);
    }
  }

  /** Gives every node a place; nodes that have one keep it unless `isAll`. */
  private settle(isAll: boolean): void {
    const { mesh } = this;
    const ids = mesh.nodes.map((node) => node.id);
    const links = [...mesh.links.values()].map((link) => [link.A, link.B] as const);
    const request = planLayout(ids, links, this.places, isAll);
    if (request === null) return;
    for (const { id, x, y } of request.nodes) this.places.set(id, { x, y });
    const isFresh = request.nodes.every((node) => !node.isFixed);
    if (ids.length > 1) this.startWorker(request, isFresh);
    this.frame(isFresh);
  }

  private startWorker(request: LayoutRequest, isFresh: boolean): void {
    this.worker?.terminate();
    const worker = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' });
    this.worker = worker;
    worker.addEventListener('message', ({ data }: MessageEvent<LayoutProgress>) => {
      if (this.worker !== worker) return;
      if (!data.isDone && this.components.isCalm()) return;
      request.nodes.forEach(({ id }, index) => {
        const x = data.coordinates[2 * index];
        const y = data.coordinates[2 * index + 1];
        if (x !== undefined && y !== undefined && Number.isFinite(x + y)) this.places.set(id, { x, y });
      });
      this.frame(isFresh);
      this.redraw();
      if (!data.isDone) return;
      worker.terminate();
      this.worker = null;
      this.keepPlaces();
      markOnce(settledMark);
    });
    worker.postMessage(request);
  }

  private keepPlaces(): void {
    const ids = new Set(this.mesh.nodes.map((node) => node.id));
    this.store?.save(new Map([...this.places].filter(([id]) => ids.has(id))));
  }

  /** The part of the plane that the picture shows: it only grows, unless all moved, so that a newcomer moves no other. */
  private frame(isFresh: boolean): void {
    const places = this.mesh.nodes.flatMap((node) => this.places.get(node.id) ?? []);
    if (places.length === 0) return;
    const grown = isFresh ? null : this.box;
    const range = (axis: 'x' | 'y'): [number, number] => {
      const low = places.reduce((least, place) => Math.min(least, place[axis]), grown?.[axis][0] ?? Infinity);
      const high = places.reduce((most, place) => Math.max(most, place[axis]), grown?.[axis][1] ?? -Infinity);
      const spare = Math.max(0, 4 - (high - low)) / 2;
      return [low - spare, high + spare];
    };
    this.hasFitted = true;
    this.box = { x: range('x'), y: range('y') };
    this.sigma.setCustomBBox(this.box);
  }

  private context(): DrawingContext {
    const { colours, options, mesh } = this;
    const { selected, cutNodes, cutLinks } = options;
    return { colours, nodeCount: mesh.nodes.length, now: this.components.now(), selected, cutNodes, cutLinks };
  }

  /** All of it: the set of nodes, their places, or what is marked changed. */
  private redraw(): void {
    const { mesh } = this;
    if (!this.hasFitted) this.frame(false);
    const context = this.context();
    this.light();
    this.sigma.setSetting('labelRenderedSizeThreshold', Math.min(9, baseSize(mesh.nodes.length)));
    this.lost.clear();
    const isStale = this.graph.someNode((id) => !mesh.byId.has(id));
    const graph: PictureGraph = isStale || this.graph.order === 0 ? new UndirectedGraph() : this.graph;
    for (const node of mesh.nodes) {
      const place = this.places.get(node.id);
      if (!place) continue;
      const drawing = { ...drawNode(node, context), ...place };
      if (node.facts.LostAt !== null) this.lost.add(node.id);
      if (graph.hasNode(node.id)) Object.assign(graph.getNodeAttributes(node.id), drawing);
      else graph.addNode(node.id, drawing);
    }
    // Sigma places their nodes before it draws, and all of them are written then.
    this.links.keep((key) => mesh.links.has(key) || this.ghosts.has(key));
    for (const [key, link] of mesh.links) this.putLink(key, link.A, link.B, this.drawLive(key, link, context));
    for (const [key, ghost] of this.ghosts) this.putLink(key, ghost.a, ghost.b, drawGhost(key, ghost, context));
    if (graph === this.graph) {
      this.isIndexDue = true;
      this.sigma.scheduleRefresh();
    } else {
      this.graph = graph;
      // Draws at once.
      this.sigma.setGraph(graph);
    }
    this.tickWhileNeeded();
  }

  /** Draws what differs between two views of the same nodes. */
  private follow(previous: MeshView, next: MeshView): void {
    const context = this.context();
    const nodes: string[] = [];
    if (previous.nodes !== next.nodes) {
      next.nodes.forEach((node, index) => {
        if (previous.nodes[index] !== node && this.redrawNode(node, context)) nodes.push(node.id);
      });
    }
    let areLinksChanged = false;
    for (const key of changedKeys(previous.links, next.links)) {
      const link = next.links.get(key);
      const ghost = this.ghosts.get(key);
      const isChanged = link
        ? this.putLink(key, link.A, link.B, this.drawLive(key, link, context))
        : ghost !== undefined && this.putLink(key, ghost.a, ghost.b, drawGhost(key, ghost, context));
      areLinksChanged ||= isChanged;
    }
    this.paint(nodes, areLinksChanged);
    if (this.hovered !== null && nodes.includes(this.hovered)) this.hover(this.hovered);
    this.tickWhileNeeded();
  }

  private redrawNode(node: MeshNode, context: DrawingContext): boolean {
    if (node.facts.LostAt === null) this.lost.delete(node.id);
    else this.lost.add(node.id);
    if (!this.graph.hasNode(node.id)) return false;
    return change(this.graph.getNodeAttributes(node.id), drawNode(node, context));
  }

  private drawLive(key: string, link: FleetLink, context: DrawingContext): LinkDrawing {
    if (context.now - link.Since < newLinkMs) this.flashing.add(key);
    else this.flashing.delete(key);
    return drawLink({ key, state: link.State, since: link.Since, goneAt: null }, context);
  }

  /** True when it must be painted. */
  private putLink(key: string, a: string, b: string, drawing: LinkDrawing): boolean {
    return a !== b && this.links.put(key, a, b, drawing);
  }

  /** Paints these nodes and the links as they are written, in the next frame. */
  private paint(nodes: readonly string[], areLinksChanged: boolean): void {
    if (nodes.length > 0)
      this.sigma.refresh({ partialGraph: { nodes: [...nodes] }, skipIndexation: !this.isIndexDue, schedule: true });
    else if (areLinksChanged) this.sigma.scheduleRender();
  }

  /** Time alone changes the picture while links flash or fade, and while lost nodes do. */
  private tickWhileNeeded(): void {
    const isNeeded = this.ghosts.size + this.flashing.size + this.lost.size > 0;
    if (isNeeded) this.timer ??= setInterval(() => this.tick(), tickMs);
    else if (this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }

  private tick(): void {
    const { mesh } = this;
    const context = this.context();
    let areLinksChanged = false;
    for (const key of this.flashing) {
      const link = mesh.links.get(key);
      if (!link) this.flashing.delete(key);
      else if (this.putLink(key, link.A, link.B, this.drawLive(key, link, context))) areLinksChanged = true;
    }
    for (const [key, ghost] of this.ghosts) {
      const isOver = context.now - ghost.goneAt > lostLinkMs;
      if (isOver) this.ghosts.delete(key);
      const isChanged = isOver
        ? this.links.drop(key)
        : this.putLink(key, ghost.a, ghost.b, drawGhost(key, ghost, context));
      areLinksChanged ||= isChanged;
    }
    const nodes = [...this.lost].filter((id) => {
      const node = mesh.byId.get(id);
      return node !== undefined && this.redrawNode(node, context);
    });
    this.paint(nodes, areLinksChanged);
    this.tickWhileNeeded();
  }

  /** The number in the disc, the name below it; under the pointer the name stands on a plate. */
  private drawLabel(
    context: CanvasRenderingContext2D,
    data: PartialButFor<NodeDisplayData, 'x' | 'y' | 'size' | 'label' | 'color'>,
    isHovered = false,
  ): void {
    const { label, x, y, size } = data;
    if (label === null || label === '') return;
    const node = this.mesh.byName.get(label);
    const number = numberOf(label);
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    if (size >= 9 && number !== '' && node?.facts.State === 'member') {
      context.font = `600 ${Math.round(Math.min(size * 0.72, 15))}px ${monoFont}`;
      context.fillStyle = this.colours.onFill;
      context.fillText(number, x, y + 0.5);
    }
    context.font = `500 12px ${monoFont}`;
    const below = y + size * 1.15 + 11;
    if (isHovered) {
      const width = context.measureText(label).width + 12;
      context.fillStyle = this.colours.surface;
      context.strokeStyle = this.colours.line;
      context.beginPath();
      context.roundRect(x - width / 2, below - 10, width, 20, 4);
      context.fill();
      context.stroke();
    }
    // A rim in the colour of the ground keeps names readable over links and other nodes.
    context.lineJoin = 'round';
    context.lineWidth = 3;
    context.strokeStyle = this.colours.surface;
    context.strokeText(label, x, below);
    context.fillStyle = isHovered || node?.id === this.options.selected ? this.colours.text : this.colours.quietText;
    context.fillText(label, x, below);
  }
}

const monoFont = '"JetBrains Mono Variable", monospace';

function drawGhost(key: string, { goneAt }: Ghost, context: DrawingContext): LinkDrawing {
  return drawLink({ key, state: 'up', since: 0, goneAt }, context);
}

/** Puts a drawing's values into what is drawn; false when they are there already. */
function change<T extends object>(drawn: T, next: Partial<T>): boolean {
  let isChanged = false;
  for (const key of Object.keys(next) as (keyof T)[]) isChanged ||= drawn[key] !== next[key];
  if (isChanged) Object.assign(drawn, next);
  return isChanged;
}

function isSameSet(a: ReadonlySet<string> | null, b: ReadonlySet<string> | null): boolean {
  return a === b || (a !== null && b !== null && a.size === b.size && [...a].every((item) => b.has(item)));
}
