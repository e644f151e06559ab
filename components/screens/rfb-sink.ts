// noVNC on one connection of a console: a channel for it, as it wants one, and an end that leaves its last picture.
import type RFB from '@novnc/novnc';
import type { ConsoleSink, ConsoleWire } from '../../lib/console-stream.ts';

/** What noVNC uses of a WebSocket. */
interface Channel {
  binaryType: string;
  readonly protocol: string;
  readyState: 'connecting' | 'open' | 'closed';
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: ArrayBuffer }) => void) | null;
  onerror: (() => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  readonly send: (bytes: Uint8Array) => void;
  readonly close: () => void;
}

export interface RfbSinkParts {
  /** Holds nothing else. */
  readonly box: HTMLElement;
  readonly create: (box: HTMLElement, channel: object) => RFB;
  /** The first picture is about to come. */
  readonly onConnect: (rfb: RFB) => void;
  /** It is about to go: the canvas with its last picture, if it had one. */
  readonly onLast: (canvas: HTMLCanvasElement) => void;
}

export function rfbSink(wire: ConsoleWire, { box, create, onConnect, onLast }: RfbSinkParts): ConsoleSink {
  const channel: Channel = {
    ...{ binaryType: 'arraybuffer', protocol: '', readyState: 'connecting' },
    ...{ onopen: null, onmessage: null, onerror: null, onclose: null },
    send: (bytes) => wire.send(bytes),
    close: () => wire.close(),
  };
  const rfb = create(box, channel);
  let isConnected = false;
  let isOver = false;
  rfb.addEventListener('connect', () => {
    isConnected = true;
    onConnect(rfb);
  });
  rfb.addEventListener('disconnect', () => (isOver = true));
  return {
    onOpen() {
      channel.readyState = 'open';
      channel.onopen?.();
    },
    onBytes: (data) => channel.onmessage?.({ data }),
    onEnd() {
      channel.readyState = 'closed';
      const canvas = box.querySelector('canvas');
      if (isConnected && canvas && canvas.width > 0) onLast(canvas);
      // In this order noVNC takes it for an end that was wanted; otherwise it would report an error.
      if (!isOver) rfb.disconnect();
      channel.onclose?.({ code: 1000, reason: '' });
    },
  };
}
