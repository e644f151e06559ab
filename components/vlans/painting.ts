// What is drawn of the graph, and how it stands on the screen: shared by what draws its parts.
import type { MeshColours } from '../topology/colours.ts';
import type { Camera } from './camera.ts';
import type { SceneHit, SceneLink } from './scene.ts';
import type { MapVlan } from './vlan-view.ts';

export type Context = CanvasRenderingContext2D;

export interface Painting {
  readonly camera: Camera;
  /** Of the screen, in CSS pixels. */
  readonly width: number;
  readonly height: number;
  readonly colours: MeshColours;
  /** Key of the selected VLAN and id of the selected node; null: none. */
  readonly vlan: string | null;
  readonly node: string | null;
  /** Keys of VLANs that a search found; null: all. */
  readonly found: ReadonlySet<string> | null;
  readonly hovered: SceneHit | null;
}

/** What stands out: what is under the pointer, else what is selected, else what was found. */
export interface Lit {
  readonly isAll: boolean;
  readonly hub: (vlan: MapVlan) => boolean;
  readonly box: (nodeId: string) => boolean;
  readonly link: (link: SceneLink) => boolean;
}
