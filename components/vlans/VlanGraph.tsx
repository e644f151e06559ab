'use client';
// The graph of VLANs as a React component: what draws it is loaded when it is first looked at.
import { LayoutGrid, Maximize, ZoomIn, ZoomOut } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useEffect, useRef, useState } from 'react';
import type { KeyboardEvent, ReactElement, ReactNode } from 'react';
import { useReadablePart } from '../../lib/use-console.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { reducedMotion } from '../frame/use-media.ts';
import { PositionStore } from '../topology/positions.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { Notice } from '../ui/Notice.tsx';
import { vmPath } from '../vms/vm-line.ts';
import { VmShare } from './VlanCell.tsx';
import type { PictureMarks, VlanPicture } from './vlan-picture.ts';
import type { VlanSource } from './vlan-source.ts';
import { noVms } from './vm-count.ts';

export interface VlanGraphProps extends PictureMarks {
  /** Followed without rendering. */
  source: VlanSource;
  /** All VLANs in words. */
  summary: string;
  onSelect: (vlan: string | null, node: string | null) => void;
}

const step = 0.15;
const zoom = 1.5;

export function VlanGraph(props: VlanGraphProps): ReactElement {
  const { source, summary, vlan, node, found } = props;
  const container = useRef<HTMLDivElement>(null);
  const [picture, setPicture] = useState<VlanPicture | null>(null);
  const [failure, setFailure] = useState('');
  const router = useRouter();
  const withCluster = useClusterPath();
  const latest = useRef({ props, router, withCluster });
  useEffect(() => {
    latest.current = { props, router, withCluster };
  });
  const cluster = useReadablePart(source, (map) => map.cluster);

  useEffect(() => {
    const element = container.current;
    if (element === null || cluster === '') return;
    let made: VlanPicture | null = null;
    let isGone = false;
    void import('./vlan-picture.ts')
      .then(({ VlanPicture: PictureClass }) => {
        if (isGone) return;
        made = new PictureClass(element, {
          positions: new PositionStore(`${cluster}.vlans`, { storage: window.localStorage }),
          isCalm: () => window.matchMedia(reducedMotion).matches,
          vmsOn: source.vmsOn,
          onSelect: (ofVlan, ofNode) => latest.current.props.onSelect(ofVlan, ofNode),
          onOpen: (vm) => {
            const of = source.get().nodes.find(({ id }) => id === vm.Node);
            if (of) latest.current.router.push(latest.current.withCluster(vmPath({ node: of.name, vm })));
          },
        });
        setPicture(made);
      })
      .catch((error: unknown) => {
        setFailure(error instanceof Error ? error.message : String(error));
      });
    return () => {
      isGone = true;
      made?.kill();
      setPicture(null);
    };
  }, [cluster, source]);
  useEffect(() => {
    if (picture === null) return;
    const show = (): void => picture.show(source.get());
    show();
    return source.subscribe(show);
  }, [picture, source]);
  useEffect(() => {
    picture?.mark({ vlan, node, found });
  }, [picture, vlan, node, found]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const act = keys[event.key];
    if (!act || picture === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(picture);
  };
  if (failure !== '') {
    return (
      <div className="p-4">
        <Notice state="warn" title="This browser cannot draw the graph">
          {failure}. The map and the table show the same.
        </Notice>
      </div>
    );
  }
  return (
    <div className="relative min-h-60 min-w-0 flex-1 bg-surface-1">
      <div
        ref={container}
        role="application"
        tabIndex={0}
        aria-label={`Graph of VLANs, nodes and VMs. ${summary}. Arrow keys move it, plus and minus zoom, 0 shows all. The map and the table show the same.`}
        onKeyDown={onKeyDown}
        className="absolute inset-0 overflow-hidden outline-offset-[-3px]"
      />
      <div
        role="toolbar"
        aria-label="Graph"
        aria-orientation="vertical"
        className="absolute top-3 right-3 flex flex-col rounded-md border bg-surface-1 p-0.5"
      >
        <IconButton label="Zoom in (+)" icon={<ZoomIn />} onClick={() => picture?.zoomBy(zoom)} />
        <IconButton label="Zoom out (−)" icon={<ZoomOut />} onClick={() => picture?.zoomBy(1 / zoom)} />
        <IconButton label="Show all (0)" icon={<Maximize />} onClick={() => picture?.fit()} />
        <IconButton label="Arrange again" icon={<LayoutGrid />} onClick={() => picture?.arrange()} />
      </div>
      <Legend />
    </div>
  );
}

const keys: Readonly<Record<string, (picture: VlanPicture) => void>> = {
  ArrowLeft: (picture) => picture.moveBy(-step, 0),
  ArrowRight: (picture) => picture.moveBy(step, 0),
  ArrowUp: (picture) => picture.moveBy(0, -step),
  ArrowDown: (picture) => picture.moveBy(0, step),
  '+': (picture) => picture.zoomBy(zoom),
  '=': (picture) => picture.zoomBy(zoom),
  '-': (picture) => picture.zoomBy(1 / zoom),
  '0': (picture) => picture.fit(),
};

function Legend(): ReactElement {
  return (
    <ul className="pointer-events-none absolute bottom-3 left-3 flex max-w-[calc(100%-24px)] flex-wrap gap-x-4 gap-y-1 rounded-md border bg-surface-1 px-2.5 py-1.5 text-xs text-fg-2 max-sm:hidden">
      <Entry word="VLAN, hollow: unused">
        <circle cx="8" cy="8" r="5" fill="var(--accent)" />
      </Entry>
      <Entry word="node with its VMs">
        <rect x="1.5" y="3.5" width="13" height="9" rx="2" fill="none" stroke="var(--lost)" strokeWidth="1.3" />
      </Entry>
      <Entry word="split or not in the table">
        <circle cx="8" cy="8" r="6" fill="none" stroke="var(--warn)" strokeWidth="1.8" strokeDasharray="4 2.2" />
      </Entry>
      <Entry word="clash">
        <circle cx="8" cy="8" r="6" fill="none" stroke="var(--bad)" strokeWidth="1.8" />
      </Entry>
      <li className="flex items-center gap-1.5 whitespace-nowrap">
        <VmShare count={{ ...noVms, total: 1, RUNNING: 1 }} /> runs
        <VmShare count={{ ...noVms, total: 1, PAUSED: 1 }} className="ml-1" /> does not
      </li>
    </ul>
  );
}

function Entry({ word, children }: { word: string; children: ReactNode }): ReactElement {
  return (
    <li className="flex items-center gap-1.5 whitespace-nowrap">
      <svg viewBox="0 0 16 16" aria-hidden="true" className="size-4 shrink-0">
        {children}
      </svg>
      {word}
    </li>
  );
}
