'use client';
// The pictures of the screens that a page shows now: asked for while the page is looked at, and for nothing else.
import { useEffect, useMemo, useRef, useState } from 'react';
import { readWallPicture } from '../../contract/streams.ts';
import { ConsoleStream, type ConsoleLink, type ConsoleWire } from '../../lib/console-stream.ts';
import { noConsole } from '../../lib/console-stream.ts';
import { useReadable } from '../../lib/use-console.ts';
import { pictureKey, WallPictures } from './wall-pictures.ts';

/** Which screens: names of nodes, and ids of their VMs. */
export type WallVms = readonly (readonly [node: string, vm: number])[];

/** While one scrolls, what passes by is not asked for. */
const settleMs = 150;

/** `cluster`: null while it is not known. */
export function useWall(cluster: string | null, vms: WallVms): { pictures: WallPictures; link: ConsoleLink } {
  const pictures = useMemo(() => new WallPictures(), []);
  const [stream, setStream] = useState<ConsoleStream | null>(null);
  const wire = useRef<ConsoleWire | null>(null);
  const isSeen = useIsSeen();
  // An array of a rendering is another one each time, and mostly says the same.
  const wanted = JSON.stringify({ vms: isSeen ? vms : [] });
  const latest = useRef(wanted);
  useEffect(() => {
    const timer = setTimeout(() => {
      latest.current = wanted;
      wire.current?.tell(wanted);
      const { vms: shown } = JSON.parse(wanted) as { vms: WallVms };
      // The pictures of a hidden page stay as they were.
      if (shown.length > 0) pictures.keep(new Set(shown.map(([node, vm]) => pictureKey({ node, vm }))));
    }, settleMs);
    return () => clearTimeout(timer);
  }, [wanted, pictures]);
  useEffect(() => {
    if (cluster === null) return;
    const opened = new ConsoleStream(
      { service: 'wall', cluster, node: '', args: null },
      {
        draw(next) {
          wire.current = next;
          return {
            onOpen: () => next.tell(latest.current),
            onBytes: (message) => pictures.put(readWallPicture(message)),
            onEnd: () => undefined,
          };
        },
      },
    );
    opened.want(true);
    setStream(opened);
    return () => {
      wire.current = null;
      opened.close();
      pictures.keep(new Set());
    };
  }, [cluster, pictures]);
  const { link } = useReadable(stream?.state ?? null, noConsole);
  return { pictures, link };
}

function useIsSeen(): boolean {
  const [isSeen, setIsSeen] = useState(true);
  useEffect(() => {
    const look = () => setIsSeen(!document.hidden);
    look();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);
  return isSeen;
}
