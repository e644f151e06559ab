// What a pointer does on the graph: drags it, rests on something, clicks, and turns its wheel. Places are pixels of the element.
import type { Point } from '../topology/positions.ts';

export interface PointerActs {
  /** By so many pixels since the last time. */
  readonly onDragged: (by: Point) => void;
  /** Null: it is elsewhere. */
  readonly onHovered: (at: Point | null) => void;
  readonly onClicked: (at: Point) => void;
  /** Twice on the same place. */
  readonly onOpened: (at: Point) => void;
  readonly onZoomed: (factor: number, at: Point) => void;
}

/** A press that moves less is a click. */
const clickPixels = 4;
const wheelPower = 0.0016;
/** Of a pinch, which browsers report as a wheel with Ctrl. */
const pinchPower = 0.01;

/** Follows the pointer until the returned function is called. */
export function followPointer(element: HTMLElement, acts: PointerActs): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  let pressed: { readonly from: Point; last: Point; isMoved: boolean } | null = null;
  const at = ({ offsetX, offsetY }: MouseEvent): Point => ({ x: offsetX, y: offsetY });
  element.addEventListener(
    'pointerdown',
    (event) => {
      if (event.button !== 0) return;
      pressed = { from: at(event), last: at(event), isMoved: false };
      element.setPointerCapture(event.pointerId);
    },
    { signal },
  );
  element.addEventListener(
    'pointermove',
    (event) => {
      const now = at(event);
      if (pressed === null) {
        acts.onHovered(now);
        return;
      }
      const { from, last } = pressed;
      pressed.isMoved ||= Math.hypot(now.x - from.x, now.y - from.y) > clickPixels;
      if (!pressed.isMoved) return;
      pressed.last = now;
      acts.onDragged({ x: now.x - last.x, y: now.y - last.y });
    },
    { signal },
  );
  element.addEventListener(
    'pointerup',
    (event) => {
      const isClick = pressed !== null && !pressed.isMoved;
      pressed = null;
      if (isClick) acts.onClicked(at(event));
    },
    { signal },
  );
  element.addEventListener('pointercancel', () => (pressed = null), { signal });
  element.addEventListener('pointerleave', () => acts.onHovered(null), { signal });
  element.addEventListener('dblclick', (event) => acts.onOpened(at(event)), { signal });
  element.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      acts.onZoomed(Math.exp(-event.deltaY * (event.ctrlKey ? pinchPower : wheelPower)), at(event));
    },
    { signal, passive: false },
  );
  return () => controller.abort();
}
