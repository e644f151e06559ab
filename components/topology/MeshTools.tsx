'use client';
// The buttons on the picture: zoom, arrange, what hangs by a thread, and files to keep.
import { Download, LayoutGrid, Maximize, Scissors, ZoomIn, ZoomOut } from 'lucide-react';
import type { ReactElement, RefObject } from 'react';
import type { Readable } from '../../lib/observable.ts';
import { useRetainedFleet } from '../../lib/use-console.ts';
import type { MeshView } from '../fleet/mesh-view.ts';
import { clusterName } from '../frame/use-cluster.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { Menu, MenuItem } from '../ui/Menu.tsx';
import { readColours } from './colours.ts';
import { dotFromMesh, svgFromMesh } from './export.ts';
import type { Picture } from './mesh-picture.ts';
import { saveFile } from './save-file.ts';

export interface MeshToolsProps {
  source: Readable<MeshView>;
  pictureRef: RefObject<Picture | null>;
  areCutsShown: boolean;
  onCutsShown: (areShown: boolean) => void;
}

const zoom = 1.5;

export function MeshTools({ source, pictureRef, areCutsShown, onCutsShown }: MeshToolsProps): ReactElement {
  const fleet = useRetainedFleet();
  const nameOf = ({ cluster }: MeshView): string => (cluster === null ? 'mesh' : clusterName(cluster));
  const saveDot = (): void => {
    const mesh = source.get();
    saveFile(`${nameOf(mesh)}.dot`, 'text/vnd.graphviz', dotFromMesh(mesh));
  };
  const saveSvg = (): void => {
    const places = pictureRef.current?.placesNow() ?? new Map();
    const colours = readColours(document.body);
    const mesh = source.get();
    const now = Date.now() + (fleet?.early.get().serverOffsetMs ?? 0);
    const name = nameOf(mesh);
    saveFile(`${name}.svg`, 'image/svg+xml', svgFromMesh(mesh, places, { colours, now, title: name }));
  };
  return (
    <div
      role="toolbar"
      aria-label="Picture"
      aria-orientation="vertical"
      className="absolute top-3 right-3 flex flex-col rounded-md border bg-surface-1 p-0.5"
    >
      <IconButton label="Zoom in (+)" icon={<ZoomIn />} onClick={() => pictureRef.current?.zoomBy(zoom)} />
      <IconButton label="Zoom out (−)" icon={<ZoomOut />} onClick={() => pictureRef.current?.zoomBy(1 / zoom)} />
      <IconButton label="Show all (0)" icon={<Maximize />} onClick={() => pictureRef.current?.fit()} />
      <IconButton
        label="Show nodes and links that the mesh hangs on"
        icon={<Scissors />}
        isPressed={areCutsShown}
        onClick={() => onCutsShown(!areCutsShown)}
      />
      <IconButton label="Arrange again" icon={<LayoutGrid />} onClick={() => pictureRef.current?.arrange()} />
      <Menu trigger={<IconButton label="Save the picture" icon={<Download />} />}>
        <MenuItem onSelect={saveSvg}>Drawing (SVG)</MenuItem>
        <MenuItem onSelect={saveDot}>Graph for Graphviz (DOT)</MenuItem>
      </Menu>
    </div>
  );
}
