// The links of the picture, drawn beside sigma's graph: sigma goes through all of its graph for each link that is new, and many
// are at any time. Here a link has a slot in an array for as long as it is drawn, and only slots of changed links are written.
//
// INVARIANT: who moves nodes, or changes how links look all together, calls `rewrite`.
import type { EdgeProgramType } from 'sigma/rendering';
import type { EdgeDisplayData, NodeDisplayData } from 'sigma/types';
import type { LinkDrawing } from './looks.ts';
import { MeshLinkProgram } from './programs.ts';

export interface DrawnLink {
  /** Ids of its nodes. */
  readonly a: string;
  readonly b: string;
  readonly drawing: LinkDrawing;
}

export interface LinkLayerComponents {
  /** Where sigma draws a node; undefined for one that it has not. */
  readonly placeOf: (id: string) => NodeDisplayData | undefined;
  /** What is drawn of a link now: dimmed, or marked under the pointer. */
  readonly lookOf: (link: DrawnLink) => LinkDrawing;
}

const firstSlots = 64;

/** Links that lie at one height. */
class LinkSheet extends MeshLinkProgram<object, object> {
  private readonly slots = new Map<string, number>();
  private readonly free: number[] = [];

  /** Sigma's graph has no links: it would take all room away. */
  override reallocate(): void {
    if (this.capacity === 0) this.grow();
  }

  write(
    key: string,
    { source, target, look }: { source: NodeDisplayData; target: NodeDisplayData; look: object },
  ): void {
    let slot = this.slots.get(key);
    if (slot === undefined) {
      slot = this.free.pop() ?? this.slots.size;
      this.slots.set(key, slot);
    }
    if (slot >= this.capacity) this.grow();
    this.processVisibleItem(0, slot * this.STRIDE, source, target, look as EdgeDisplayData);
  }

  erase(key: string): void {
    const slot = this.slots.get(key);
    if (slot === undefined) return;
    this.slots.delete(key);
    this.free.push(slot);
    // A link without length or width covers no pixel.
    this.array.fill(0, slot * this.STRIDE, (slot + 1) * this.STRIDE);
  }

  private grow(): void {
    const before = this.array;
    super.reallocate(Math.max(firstSlots, 2 * this.capacity));
    this.array.set(before);
  }
}

export class LinkLayer {
  private readonly components: LinkLayerComponents;
  private readonly links = new Map<string, DrawnLink>();
  private sheets: { low?: LinkSheet; high?: LinkSheet } = {};

  constructor(components: LinkLayerComponents) {
    this.components = components;
  }

  /** For sigma's `edgeProgramClasses`, in the place of sigma's two: the first is drawn below the second. */
  get programs(): { arrow: EdgeProgramType; line: EdgeProgramType } {
    return {
      arrow: sheetClass((low) => (this.sheets = { ...this.sheets, low })),
      line: sheetClass((high) => (this.sheets = { ...this.sheets, high })),
    };
  }

  /** True when something must be drawn again. */
  put(key: string, a: string, b: string, drawing: LinkDrawing): boolean {
    const before = this.links.get(key);
    if (before !== undefined && isSame(before.drawing, drawing)) return false;
    const link = { a, b, drawing };
    this.links.set(key, link);
    this.write(key, link);
    return true;
  }

  drop(key: string): boolean {
    if (!this.links.delete(key)) return false;
    this.erase(key);
    return true;
  }

  /** Leaves those that `isWanted` names. */
  keep(isWanted: (key: string) => boolean): void {
    for (const key of this.links.keys()) if (!isWanted(key)) this.drop(key);
  }

  rewrite(): void {
    for (const [key, link] of this.links) this.write(key, link);
  }

  private write(key: string, link: DrawnLink): void {
    const { placeOf, lookOf } = this.components;
    const source = placeOf(link.a);
    const target = placeOf(link.b);
    // One whose node has no place yet is written with all others when it has.
    if (!source || !target) {
      this.erase(key);
      return;
    }
    const look = lookOf(link);
    const { low, high } = this.sheets;
    const [own, other] = look.zIndex > 0 ? [high, low] : [low, high];
    other?.erase(key);
    own?.write(key, { source, target, look });
  }

  private erase(key: string): void {
    this.sheets.low?.erase(key);
    this.sheets.high?.erase(key);
  }
}

function sheetClass(onMade: (sheet: LinkSheet) => void): EdgeProgramType {
  return class extends LinkSheet {
    constructor(...parts: ConstructorParameters<typeof LinkSheet>) {
      super(...parts);
      onMade(this);
    }
  };
}

function isSame(a: LinkDrawing, b: LinkDrawing): boolean {
  return a.color === b.color && a.size === b.size && a.line === b.line && a.fade === b.fade && a.zIndex === b.zIndex;
}
