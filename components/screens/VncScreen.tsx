'use client';
// The screen of a VM: noVNC draws it. When the connection is lost, its last picture stays, grey.
import type RFB from '@novnc/novnc';
import { useEffect, useRef, type ReactElement } from 'react';
import { describeError } from '../../contract/errors.ts';
import { ConsoleStream } from '../../lib/console-stream.ts';
import { saveBlob } from '../topology/save-file.ts';
import { cx } from '../ui/cx.ts';
import type { ScreenProps, VncHandle } from './handle.ts';
import { rfbSink } from './rfb-sink.ts';

export interface VncScreenProps extends ScreenProps<VncHandle> {
  /** As large as there is room; otherwise pixel by pixel. */
  readonly isScaled: boolean;
}

export function VncScreen(props: VncScreenProps): ReactElement {
  const { address, hasKeyboard, isScaled, isLive, label, onStream, onHandle, onFailure } = props;
  const box = useRef<HTMLDivElement>(null);
  const last = useRef<HTMLCanvasElement>(null);
  const drawn = useRef<RFB | null>(null);
  const wanted = useRef({ hasKeyboard, isScaled });
  useEffect(() => {
    wanted.current = { hasKeyboard, isScaled };
    if (drawn.current) adapt(drawn.current, wanted.current);
  }, [hasKeyboard, isScaled]);

  useEffect(() => {
    const [element, still] = [box.current, last.current];
    if (!element || !still) return;
    let stream: ConsoleStream | null = null;
    let isGone = false;
    const open = async () => {
      const { default: Rfb } = await import('@novnc/novnc');
      // It may have gone while that was loading.
      if (isGone) return;
      stream = new ConsoleStream(address, {
        draw: (wire) =>
          rfbSink(wire, {
            box: element,
            create(place, channel) {
              const rfb = new Rfb(place, channel, { shared: true });
              rfb.background = 'transparent';
              adapt(rfb, wanted.current);
              drawn.current = rfb;
              return rfb;
            },
            onConnect(rfb) {
              still.hidden = true;
              rfb.focus({ preventScroll: true });
            },
            onLast(canvas) {
              still.width = canvas.width;
              still.height = canvas.height;
              still.getContext('2d')?.drawImage(canvas, 0, 0);
              still.hidden = false;
            },
          }),
      });
      onStream(stream);
      onHandle(handleOf(() => drawn.current));
    };
    open().catch((error: unknown) => {
      if (!isGone) onFailure(describeError(error));
    });
    return () => {
      isGone = true;
      stream?.close();
      drawn.current = null;
      onStream(null);
      onHandle(null);
    };
  }, [address, onStream, onHandle, onFailure]);

  return (
    <div role="group" aria-label={label} className="absolute inset-0 overflow-hidden">
      <canvas
        ref={last}
        hidden
        aria-label={`${label}, as it was last`}
        className={cx('absolute inset-0 opacity-60 grayscale', isScaled ? 'size-full object-contain' : 'm-auto')}
      />
      <div ref={box} className={cx('absolute inset-0', !isLive && 'pointer-events-none')} />
    </div>
  );
}

function adapt(rfb: RFB, { hasKeyboard, isScaled }: { hasKeyboard: boolean; isScaled: boolean }): void {
  rfb.viewOnly = !hasKeyboard;
  rfb.scaleViewport = isScaled;
}

function handleOf(rfb: () => RFB | null): VncHandle {
  return {
    kind: 'vnc',
    focus: () => rfb()?.focus({ preventScroll: true }),
    press(keys) {
      for (const { keysym, code } of keys) rfb()?.sendKey(keysym, code, true);
      for (const { keysym, code } of keys.toReversed()) rfb()?.sendKey(keysym, code, false);
    },
    pressSign: (keysym) => rfb()?.sendKey(keysym, null),
    cut: (text) => rfb()?.clipboardPasteFrom(text),
    save: (name) =>
      rfb()?.toBlob((blob) => {
        if (blob) saveBlob(`${name}.png`, blob);
      }, 'image/png'),
  };
}
