'use client';
// Puts text on the clipboard and says so. Without a secure context (plain HTTP) browsers give no clipboard API: then the
// old way through a selection is taken.
import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import { IconButton } from './IconButton.tsx';

const shownMs = 1600;

export async function copyText(text: string): Promise<boolean> {
  // The DOM types promise a clipboard; browsers leave it out where the page is not secure.
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (clipboard) {
    try {
      await clipboard.writeText(text);
      return true;
    } catch {
      // Refused by a policy: the selection may still work.
    }
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way without a secure context
  const isCopied = document.execCommand('copy');
  area.remove();
  return isCopied;
}

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }): ReactElement {
  const [state, setState] = useState<'idle' | 'copied' | 'refused'>('idle');
  useEffect(() => {
    if (state === 'idle') return;
    const timer = setTimeout(() => setState('idle'), shownMs);
    return () => clearTimeout(timer);
  }, [state]);
  return (
    <>
      <IconButton
        label={state === 'copied' ? 'Copied' : state === 'refused' ? 'The browser refused to copy' : label}
        icon={state === 'copied' ? <Check className="text-ok" /> : <Copy />}
        onClick={() => {
          void copyText(text).then((isCopied) => setState(isCopied ? 'copied' : 'refused'));
        }}
      />
      <span role="status" className="sr-only">
        {state === 'copied' ? 'Copied' : ''}
      </span>
    </>
  );
}
