'use client';
// The picture of the mesh as a React component: it loads WebGL code only in a browser, and says so when WebGL is missing.
import { useRouter } from 'next/navigation';
import { useEffect, useRef, useState } from 'react';
import type { KeyboardEvent, ReactElement, RefObject } from 'react';
import type { Readable } from '../../lib/observable.ts';
import { useReadablePart, useRetainedFleet } from '../../lib/use-console.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { reducedMotion } from '../frame/use-media.ts';
import type { MeshView } from '../fleet/mesh-view.ts';
import { describeMesh } from '../fleet/mesh-view.ts';
import { Notice } from '../ui/Notice.tsx';
import { cx } from '../ui/cx.ts';
import type { Picture, PictureOptions } from './mesh-picture.ts';
import { PositionStore } from './positions.ts';
import { useSketch } from './use-sketch.ts';

export interface MeshPictureProps extends PictureOptions {
  /** Followed without rendering: only what the picture is called in words is React's. */
  source: Readable<MeshView>;
  /** By name; null: nothing. */
  onSelect: (name: string | null) => void;
  /** Set while the picture is there. */
  pictureRef?: RefObject<Picture | null>;
  className?: string;
}

const step = 0.15;
const zoom = 1.5;

export function MeshPicture(props: MeshPictureProps): ReactElement {
  const { source, selected, matching, cutNodes, cutLinks, pictureRef, className } = props;
  const container = useRef<HTMLDivElement>(null);
  const [picture, setPicture] = useState<Picture | null>(null);
  const [failure, setFailure] = useState('');
  const router = useRouter();
  const withCluster = useClusterPath();
  const latest = useRef({ props, router, withCluster });
  useEffect(() => {
    latest.current = { props, router, withCluster };
  });
  const summary = useReadablePart(source, (mesh) => describeMesh(mesh).text);
  const fleet = useRetainedFleet();
  const cluster = useReadablePart(source, (mesh) => (mesh.nodes.length === 0 ? '' : (mesh.cluster?.Id ?? '')));
  const sketched = useSketch(container, { source, cluster });

  const release = useRef<() => void>(() => undefined);
  useEffect(() => {
    if (fleet === null) return;
    const end = fleet.holdRest();
    release.current = end;
    return end;
  }, [fleet]);
  useEffect(() => {
    // Loads beside the connection; the next effect tells when it cannot.
    void import('./mesh-picture.ts').catch(() => undefined);
  }, []);
  useEffect(() => {
    const element = container.current;
    if (element === null || !sketched.isThere) return;
    let made: Picture | null = null;
    let isGone = false;
    const nameOf = (id: string): string | null => latest.current.props.source.get().byId.get(id)?.name ?? null;
    void import('./mesh-picture.ts')
      .then(({ Picture: PictureClass }) => {
        if (isGone) return;
        made = new PictureClass(element, {
          positions: (cluster) => new PositionStore(cluster, { storage: window.localStorage }),
          now: () => Date.now() + (fleet?.early.get().serverOffsetMs ?? 0),
          isCalm: () => window.matchMedia(reducedMotion).matches,
          onSelect: (id) => latest.current.props.onSelect(id === null ? null : nameOf(id)),
          onOpen: (id) => {
            const name = nameOf(id);
            if (name !== null)
              latest.current.router.push(latest.current.withCluster(`/nodes/${encodeURIComponent(name)}`));
          },
          // After the frame with it.
          onDrawn: () => {
            sketched.end();
            requestAnimationFrame(() => setTimeout(() => release.current()));
          },
        });
        setPicture(made);
      })
      .catch((error: unknown) => {
        release.current();
        setFailure(error instanceof Error ? error.message : String(error));
      });
    return () => {
      isGone = true;
      made?.kill();
      setPicture(null);
    };
  }, [sketched, fleet]);

  useEffect(() => {
    if (pictureRef) pictureRef.current = picture;
    if (picture === null) return;
    const show = (): void => picture.show(source.get());
    show();
    return source.subscribe(show);
  }, [picture, pictureRef, source]);
  useEffect(() => {
    picture?.mark({ selected, matching, cutNodes, cutLinks });
  }, [picture, selected, matching, cutNodes, cutLinks]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const act = keys[event.key];
    if (!act || picture === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(picture);
  };

  if (failure !== '') {
    return (
      <div className={cx('p-4', className)}>
        <Notice state="warn" title="This browser cannot draw the picture">
          {failure}. The table shows the same nodes and links.
        </Notice>
      </div>
    );
  }
  return (
    <div
      ref={container}
      role="application"
      tabIndex={0}
      aria-label={`Picture of the mesh. ${summary}. Arrow keys move it, plus and minus zoom, 0 shows all. The table shows the same.`}
      onKeyDown={onKeyDown}
      className={cx('overflow-hidden outline-offset-[-3px]', className)}
    />
  );
}

const keys: Readonly<Record<string, (picture: Picture) => void>> = {
  ArrowLeft: (picture) => picture.moveBy(-step, 0),
  ArrowRight: (picture) => picture.moveBy(step, 0),
  ArrowUp: (picture) => picture.moveBy(0, -step),
  ArrowDown: (picture) => picture.moveBy(0, step),
  '+': (picture) => picture.zoomBy(zoom),
  '=': (picture) => picture.zoomBy(zoom),
  '-': (picture) => picture.zoomBy(1 / zoom),
  '0': (picture) => picture.fit(),
};
