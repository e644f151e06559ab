'use client';
// A serial port of a VM: xterm as on the page Terminal, over bytes as they are.
import '@xterm/xterm/css/xterm.css';
import type { Terminal } from '@xterm/xterm';
import { useEffect, useRef, useState, type ReactElement } from 'react';
import { describeError } from '../../contract/errors.ts';
import { ConsoleStream, type ConsoleSink, type ConsoleWire } from '../../lib/console-stream.ts';
import { openXterm } from '../terminal/open-xterm.ts';
import { saveFile } from '../topology/save-file.ts';
import { cx } from '../ui/cx.ts';
import type { ScreenProps, SerialHandle } from './handle.ts';

export function SerialScreen(props: ScreenProps<SerialHandle>): ReactElement {
  const { address, hasKeyboard, isLive, label, onStream, onHandle, onFailure } = props;
  const box = useRef<HTMLDivElement>(null);
  const may = useRef(hasKeyboard);
  const shown = useRef<Terminal | null>(null);
  const [hasOutput, setHasOutput] = useState(false);
  useEffect(() => {
    may.current = hasKeyboard;
    if (shown.current) shown.current.options.disableStdin = !hasKeyboard;
  }, [hasKeyboard]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let isGone = false;
    const ends: (() => void)[] = [];
    const open = async () => {
      const opened = await openXterm(element, { isShell: true, isGone: () => isGone });
      if (!opened) return;
      const { terminal } = opened;
      shown.current = terminal;
      terminal.options.disableStdin = !may.current;
      let wire: ConsoleWire | null = null;
      const stream = new ConsoleStream(address, {
        draw(next) {
          wire = next;
          return serialSink(terminal, next, () => setHasOutput(true));
        },
      });
      const onText = terminal.onData((text) => wire?.send(new TextEncoder().encode(text)));
      // What xterm reports of a mouse is bytes, one to a sign.
      const onBinary = terminal.onBinary((text) => wire?.send(Uint8Array.from(text, (sign) => sign.charCodeAt(0))));
      ends.push(() => {
        stream.close();
        onText.dispose();
        onBinary.dispose();
        opened.dispose();
        shown.current = null;
      });
      onStream(stream);
      onHandle({
        kind: 'serial',
        focus: () => terminal.focus(),
        // As xterm pastes: with the ends of lines that a terminal sends, and between marks where the guest asked for them.
        paste: (text) => terminal.paste(text),
        type: (text) => terminal.input(text),
        size: () => [terminal.cols, terminal.rows],
        save: (name) => saveFile(`${name}.txt`, 'text/plain', textOf(terminal)),
      });
      terminal.focus();
    };
    open().catch((error: unknown) => {
      if (!isGone) onFailure(describeError(error));
    });
    return () => {
      isGone = true;
      for (const end of ends) end();
      onStream(null);
      onHandle(null);
    };
  }, [address, onStream, onHandle, onFailure]);

  return (
    <div
      role="group"
      aria-label={label}
      className={cx(
        'absolute inset-0 flex scroller overflow-y-hidden bg-surface-1 p-2 font-mono text-[13px] transition-opacity',
        !isLive && 'opacity-60 grayscale',
      )}
    >
      <div ref={box} className="min-h-0 min-w-[calc(80ch+1.25rem)] flex-1" />
      {isLive && !hasOutput ? (
        <p
          role="status"
          className="pointer-events-none absolute inset-x-0 bottom-4 animate-late px-4 text-center font-sans text-sm text-fg-2"
        >
          Nothing has come from this port yet. {hasKeyboard ? 'Press Enter: a guest that waits for you answers.' : ''}
        </p>
      ) : null}
    </div>
  );
}

/** A connection that comes back begins with what was shown already: it takes its place. One of a VM that was started again goes below it. */
function serialSink(terminal: Terminal, { isAgain }: ConsoleWire, onOutput: () => void): ConsoleSink {
  let isFirst = true;
  return {
    onOpen: () => undefined,
    onBytes(bytes) {
      if (isFirst && isAgain) terminal.reset();
      isFirst = false;
      onOutput();
      terminal.write(new Uint8Array(bytes));
    },
    onEnd: () => undefined,
  };
}

function textOf(terminal: Terminal): string {
  const { active } = terminal.buffer;
  const lines = Array.from({ length: active.length }, (_, at) => active.getLine(at)?.translateToString(true) ?? '');
  return `${lines.join('\n').trimEnd()}\n`;
}
