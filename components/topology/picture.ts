// The live picture of the mesh: a graph that follows the fleet, drawn by sigma, laid out in a worker. Loaded only in a
// browser. Nodes keep their places; what changes is redrawn in place.
//
// INVARIANTS: a node is in the graph only with a place of its own; a link that went stays as a ghost until it has faded;
// `kill` ends worker, timer, listeners and the WebGL contexts (browsers keep few of these).
import { UndirectedGraph } from 'graphology';
import Sigma from 'sigma';
import type { Settings } from 'sigma/settings';
import type { NodeDisplayData, PartialButFor } from 'sigma/types';
import type { MeshNode, MeshView } from '../fleet/mesh-view.ts';
import type { MeshColours } from './colours.ts';
import { onSchemeChange, readColours } from './colours.ts';
import type { LayoutProgress } from './layout.worker.ts';
import { baseSize, drawLink, drawNode, lostLinkMs, newLinkMs, numberOf } from './looks.ts';
import type { DrawingContext, LinkDrawing, NodeDrawing } from './looks.ts';
import { planLayout } from './positions.ts';
import type { LayoutRequest, Point, PositionStore } from './positions.ts';
import { MeshLinkProgram, MeshNodeProgram } from './programs.ts';

export interface PictureOptions {
  /** Id of the selected node. */
  readonly selected: string | null;
  /** Ids that a search found; null: there is no search. */
  readonly matching: ReadonlySet<string> | null;
  readonly cutNodes: ReadonlySet<string> | null;
  readonly cutLinks: ReadonlySet<string> | null;
}

export interface PictureComponents {
  readonly positions: PositionStore;
  /** The server's clock now. */
  readonly now: () => number;
  readonly isCalm: () => boolean;
  readonly onSelect: (id: string | null) => void;
  readonly onOpen: (id: string) => void;
}

interface Ghost {
  readonly a: string;
  readonly b: string;
  readonly goneAt: number;
}

type PictureGraph = UndirectedGraph<NodeDrawing & Point, LinkDrawing>;

const tickMs = 250;
const moveMs = 180;
const dimmed = 0.14;

export class Picture {
  private readonly components: PictureComponents;
  private readonly container: HTMLElement;
  private readonly graph: PictureGraph = new UndirectedGraph();
  private readonly sigma: Sigma<NodeDrawing & Point, LinkDrawing>;
  private readonly places: Map<string, Point>;
  private readonly ghosts = new Map<string, Ghost>();
  private readonly endSchemeChange: () => void;
  private colours: MeshColours;
  private mesh: MeshView | null = null;
  private options: PictureOptions = { selected: null, matching: null, cutNodes: null, cutLinks: null };
  private hovered: string | null = null;
  private lit: ReadonlySet<string> | null = null;
  private worker: Worker | null = null;
  private timer: ReturnType<typeof setInterval> | null = null;
  private hasFitted = false;
  private box: { x: [number, number]; y: [number, number] } | null = null;

  constructor(container: HTMLElement, components: PictureComponents) {
    this.container = container;
    this.components = components;
    this.colours = readColours(container);
    this.places = components.positions.load();
    this.sigma = new Sigma(this.graph, container, this.settings());
    this.endSchemeChange = onSchemeChange(() => {
      this.colours = readColours(container);
      this.sigma.setSettings(this.settings());
      this.redraw();
    });
    this.listen();
  }

  /** Shows this mesh; only what differs is touched. */
  update(mesh: MeshView, options: PictureOptions): void {
    const previous = this.mesh;
    this.mesh = mesh;
    this.options = options;
    if (previous !== mesh) {
      if (previous !== null && previous.links !== mesh.links) this.findGhosts(previous, mesh);
      this.settle(false);
    }
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

  /** Settles the layout anew: all nodes may move. */
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

  private settings(): Partial<Settings<NodeDrawing & Point, LinkDrawing>> {
    return {
      nodeProgramClasses: { mesh: MeshNodeProgram },
      edgeProgramClasses: { mesh: MeshLinkProgram },
      defaultNodeType: 'mesh',
      defaultEdgeType: 'mesh',
      allowInvalidContainer: true,
      zIndex: true,
      stagePadding: 48,
      minCameraRatio: 0.02,
      maxCameraRatio: 3,
      labelDensity: 0.6,
      labelGridCellSize: 90,
      labelRenderedSizeThreshold: 8,
      labelFont: getComputedStyle(this.container).fontFamily,
      defaultDrawNodeLabel: (context, data) => this.drawLabel(context, data),
      defaultDrawNodeHover: (context, data) => this.drawLabel(context, data, true),
      nodeReducer: (id, data) => this.reduceNode(id, data),
      edgeReducer: (key, data) => this.reduceLink(key, data),
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
  }

  private hover(id: string | null): void {
    this.hovered = id;
    this.container.style.cursor = id === null ? '' : 'pointer';
    this.light();
    this.sigma.refresh({ skipIndexation: true });
  }

  /** What stays bright: the neighbourhood under the pointer, else what a search found, else all. */
  private light(): void {
    if (this.hovered !== null && this.graph.hasNode(this.hovered)) {
      this.lit = new Set([this.hovered, ...this.graph.neighbors(this.hovered)]);
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

  private reduceLink(key: string, data: LinkDrawing): Partial<LinkDrawing> {
    if (this.lit === null) return data;
    const [a, b] = this.graph.extremities(key);
    const isTouched =
      this.hovered === null ? this.lit.has(a) && this.lit.has(b) : a === this.hovered || b === this.hovered;
    if (!isTouched) return { ...data, fade: data.fade * dimmed };
    return this.hovered === null ? data : { ...data, color: this.colours.accent, size: data.size * 1.6, zIndex: 2 };
  }

  private findGhosts(previous: MeshView, next: MeshView): void {
    const now = this.components.now();
    const isSame = previous.cluster?.Id === next.cluster?.Id;
    if (!isSame) {
      this.ghosts.clear();
      return;
    }
    const there = new Set(next.links.map(linkKeyOf));
    for (const link of previous.links) {
      const key = linkKeyOf(link);
      if (!there.has(key)) this.ghosts.set(key, { a: link.A, b: link.B, goneAt: now });
    }
    for (const key of there) this.ghosts.delete(key);
  }

  /** Gives every node a place; nodes that have one keep it unless `isAll`. */
  private settle(isAll: boolean): void {
    const { mesh } = this;
    if (mesh === null) return;
    const ids = mesh.nodes.map((node) => node.id);
    const links = mesh.links.map((link) => [link.A, link.B] as const);
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
    });
    worker.postMessage(request);
  }

  private keepPlaces(): void {
    const ids = new Set(this.mesh?.nodes.map((node) => node.id));
    this.components.positions.save(new Map([...this.places].filter(([id]) => ids.has(id))));
  }

  /** The part of the plane that the picture shows: it only grows, unless all moved, so that a newcomer moves no other. */
  private frame(isFresh: boolean): void {
    const places = (this.mesh?.nodes ?? []).flatMap((node) => this.places.get(node.id) ?? []);
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

  private redraw(): void {
    const { mesh } = this;
    if (mesh === null) return;
    if (!this.hasFitted) this.frame(false);
    const context: DrawingContext = {
      colours: this.colours,
      nodeCount: mesh.nodes.length,
      now: this.components.now(),
      selected: this.options.selected,
      cutNodes: this.options.cutNodes,
      cutLinks: this.options.cutLinks,
    };
    this.sigma.setSetting('labelRenderedSizeThreshold', Math.min(9, baseSize(mesh.nodes.length)));
    for (const node of mesh.nodes) this.putNode(node, context);
    this.putLinks(mesh, context);
    this.graph.forEachNode((id) => {
      if (!mesh.byId.has(id)) this.graph.dropNode(id);
    });
    this.light();
    this.sigma.scheduleRefresh();
    this.tickWhileNeeded(mesh, context.now);
  }

  private putNode(node: MeshNode, context: DrawingContext): void {
    const place = this.places.get(node.id);
    if (!place) return;
    const next = { ...drawNode(node, context), ...place };
    if (!this.graph.hasNode(node.id)) this.graph.addNode(node.id, next);
    else if (!isEqual(this.graph.getNodeAttributes(node.id), next)) this.graph.replaceNodeAttributes(node.id, next);
  }

  private putLinks(mesh: MeshView, context: DrawingContext): void {
    const wanted = new Set<string>();
    const put = (a: string, b: string, key: string, next: LinkDrawing): void => {
      if (a === b || !this.graph.hasNode(a) || !this.graph.hasNode(b)) return;
      wanted.add(key);
      if (!this.graph.hasEdge(key)) this.graph.addEdgeWithKey(key, a, b, next);
      else if (!isEqual(this.graph.getEdgeAttributes(key), next)) this.graph.replaceEdgeAttributes(key, next);
    };
    for (const link of mesh.links) {
      const key = linkKeyOf(link);
      put(link.A, link.B, key, drawLink({ key, state: link.State, since: link.Since, goneAt: null }, context));
    }
    for (const [key, { a, b, goneAt }] of this.ghosts) {
      if (context.now - goneAt > lostLinkMs) this.ghosts.delete(key);
      else put(a, b, key, drawLink({ key, state: 'up', since: 0, goneAt }, context));
    }
    for (const key of this.graph.edges()) if (!wanted.has(key)) this.graph.dropEdge(key);
  }

  /** Time alone changes the picture while links flash or fade, and while lost nodes do. */
  private tickWhileNeeded(mesh: MeshView, now: number): void {
    const isNeeded =
      this.ghosts.size > 0 ||
      mesh.nodes.some((node) => node.facts.LostAt !== null) ||
      mesh.links.some((link) => now - link.Since < newLinkMs);
    if (isNeeded && this.timer === null) this.timer = setInterval(() => this.redraw(), tickMs);
    if (!isNeeded && this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }

  /** The number in the disc, the name below it; under the pointer the name stands on a plate. */
  private drawLabel(
    context: CanvasRenderingContext2D,
    data: PartialButFor<NodeDisplayData, 'x' | 'y' | 'size' | 'label' | 'color'>,
    isHovered = false,
  ): void {
    const { label, x, y, size } = data;
    if (label === null || label === '') return;
    const node = this.mesh?.byName.get(label);
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

const linkKeyOf = (link: { readonly A: string; readonly B: string }): string => `${link.A} ${link.B}`;

function isEqual(previous: object, next: object): boolean {
  // Drawings are flat.
  const before = previous as Record<string, unknown>;
  return Object.entries(next).every(([key, value]) => before[key] === value);
}
