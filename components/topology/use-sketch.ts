'use client';
// The first picture of a mesh, before WebGL is there.
import { useEffect, useState } from 'react';
import type { RefObject } from 'react';
import type { Readable } from '../../lib/observable.ts';
import type { MeshView } from '../fleet/mesh-view.ts';
import { readColours } from './colours.ts';
import { drawnMark, markOnce } from './marks.ts';
import { PositionStore } from './positions.ts';
import { drawSketch } from './sketch.ts';

export interface Sketched {
  /** Its frame was drawn: what takes long may begin. */
  readonly isThere: boolean;
  /** The picture is there. */
  readonly end: () => void;
}

const none: Sketched = { isThere: false, end: () => undefined };

/** Draws the mesh of `cluster` once; empty: none yet. */
export function useSketch(
  container: RefObject<HTMLElement | null>,
  { source, cluster }: { source: Readable<MeshView>; cluster: string },
): Sketched {
  const [sketched, setSketched] = useState(none);
  const hasMesh = cluster !== '';
  useEffect(() => {
    const element = container.current;
    if (element === null || !hasMesh) return;
    const mesh = source.get();
    const known = new PositionStore(mesh.cluster?.Id ?? '', { storage: window.localStorage }).load();
    const end = drawSketch(element, { mesh, known }, { colours: readColours(element), now: Date.now() });
    let timer: ReturnType<typeof setTimeout> | null = null;
    const frame = requestAnimationFrame(() => {
      timer = setTimeout(() => {
        markOnce(drawnMark);
        setSketched({ isThere: true, end });
      });
    });
    return () => {
      cancelAnimationFrame(frame);
      if (timer !== null) clearTimeout(timer);
      end();
      setSketched(none);
    };
  }, [container, source, hasMesh]);
  return sketched;
}
