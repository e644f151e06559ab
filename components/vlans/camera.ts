// Where the plane of the graph is on the screen. Pure; pixels.
import type { Point } from '../topology/positions.ts';
import type { Bounds } from './scene.ts';

/** A place of the screen = `scale` × the plane's + x or y. */
export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const margin = 48;
const leastScale = 0.03;
const mostScale = 4;
/** Few things are not drawn larger than this. */
const fittedScale = 1.5;

/** Shows all of it in the middle of the screen. */
export function cameraFor({ left, top, right, bottom }: Bounds, { width, height }: Size): Camera {
  const room = (pixels: number, units: number): number => Math.max(1, pixels - 2 * margin) / Math.max(1, units);
  const scale = Math.min(fittedScale, room(width, right - left), room(height, bottom - top));
  return { scale, x: width / 2 - ((left + right) / 2) * scale, y: height / 2 - ((top + bottom) / 2) * scale };
}

/** `at`, of the screen, stays where it is. */
export function zoomed(camera: Camera, factor: number, at: Point): Camera {
  const scale = Math.min(mostScale, Math.max(leastScale, camera.scale * factor));
  const by = scale / camera.scale;
  return { scale, x: at.x - (at.x - camera.x) * by, y: at.y - (at.y - camera.y) * by };
}

export function moved(camera: Camera, { x, y }: Point): Camera {
  return { ...camera, x: camera.x + x, y: camera.y + y };
}

/** Of the plane, from one of the screen. */
export function pointAt({ x, y, scale }: Camera, at: Point): Point {
  return { x: (at.x - x) / scale, y: (at.y - y) / scale };
}
