'use client';
// Text for the guest: typed key by key, which any guest takes, or handed to its clipboard, where an agent in it takes that.
import { useEffect, useRef, useState, type ReactElement } from 'react';
import { countOf } from '../../lib/format.ts';
import { Button } from '../ui/Button.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { Field } from '../ui/Field.tsx';
import { Select } from '../ui/Select.tsx';
import { Textarea } from '../ui/Textarea.tsx';
import { heldKeys } from './chords.ts';
import type { ScreenHandle, VncHandle } from './handle.ts';
import { layouts, typedKeys, type LayoutName, type TypedKey } from './layouts.ts';

/** Between two keys: a PC's keyboard holds 16 bytes until the guest reads them, and a key is up to eight. */
const keyMs = 20;
const layoutKey = 'meshdeck.guest-layout';

export interface PasteDialogProps {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly handle: ScreenHandle | null;
  readonly vm: string;
}

export function PasteDialog({ open, onOpenChange, handle, vm }: PasteDialogProps): ReactElement {
  const [text, setText] = useState('');
  const [layout, setLayout] = useState<LayoutName>('us');
  /** Keys that were pressed; null while none are being typed. */
  const [done, setDone] = useState<number | null>(null);
  const typing = useRef<AbortController | null>(null);
  useEffect(() => {
    const known = localStorage.getItem(layoutKey);
    if (known !== null && Object.hasOwn(layouts, known)) setLayout(known as LayoutName);
  }, []);
  useEffect(() => () => typing.current?.abort(), []);
  const { keys, missing } = typedKeys(text, layout);
  const close = () => {
    typing.current?.abort();
    onOpenChange(false);
    handle?.focus();
  };
  const type = async (screen: VncHandle) => {
    const abort = new AbortController();
    typing.current = abort;
    for (const [at, key] of keys.entries()) {
      setDone(at);
      press(screen, key);
      await new Promise((resolve) => setTimeout(resolve, keyMs));
      if (abort.signal.aborted) break;
    }
    setDone(null);
    if (!abort.signal.aborted) close();
  };
  const isTyping = done !== null;
  const empty = text === '' ? 'Put in some text first.' : '';
  return (
    <Dialog
      open={open}
      onOpenChange={(next) => {
        if (next) onOpenChange(true);
        else close();
      }}
      title={`Paste into ${vm}`}
      footer={
        handle?.kind === 'serial' ? (
          <Button
            variant="primary"
            disabledReason={empty}
            onClick={() => {
              handle.paste(text);
              close();
            }}
          >
            Paste
          </Button>
        ) : isTyping ? (
          <Button onClick={() => typing.current?.abort()}>Stop typing</Button>
        ) : (
          <>
            <Button
              disabledReason={empty}
              onClick={() => {
                if (handle?.kind === 'vnc') handle.cut(text);
                close();
              }}
            >
              Put on its clipboard
            </Button>
            <Button
              variant="primary"
              disabledReason={empty || (keys.length === 0 ? 'No key of this layout types it.' : '')}
              onClick={() => {
                if (handle?.kind === 'vnc') void type(handle);
              }}
            >
              Type it
            </Button>
          </>
        )
      }
    >
      <div className="flex flex-col gap-3">
        <Field
          label="Text"
          hint={
            isTyping ? `${done} of ${countOf(keys.length, 'key')} typed` : countOf(Array.from(text).length, 'character')
          }
          error={
            missing.length === 0 || handle?.kind === 'serial'
              ? ''
              : `No key of this layout types ${missing.slice(0, 8).join(' ')}: left out.`
          }
        >
          <Textarea
            isMono
            rows={8}
            value={text}
            readOnly={isTyping}
            onChange={({ currentTarget }) => setText(currentTarget.value)}
          />
        </Field>
        {handle?.kind === 'serial' ? null : (
          <Field label="Keyboard of the guest" hint="Its clipboard needs an agent in the guest, such as spice-vdagent.">
            <Select
              value={layout}
              onValueChange={(next: LayoutName) => {
                setLayout(next);
                localStorage.setItem(layoutKey, next);
              }}
              options={Object.entries(layouts).map(([value, { label }]) => ({ value: value as LayoutName, label }))}
            />
          </Field>
        )}
      </div>
    </Dialog>
  );
}

function press(screen: VncHandle, { code, keysym, hasShift, hasAltGr }: TypedKey): void {
  screen.press([...(hasShift ? [heldKeys.shift] : []), ...(hasAltGr ? [heldKeys.altGr] : []), { code, keysym }]);
}
