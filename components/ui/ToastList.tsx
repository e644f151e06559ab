'use client';
// The toasts that are on the screen; loaded by the first one.
import { Toast as Base } from '@base-ui/react/toast';
import { X } from 'lucide-react';
import type { ReactElement } from 'react';
import { IconButton } from './IconButton.tsx';
import { StateShape } from './StateMark.tsx';
import type { State } from './StateMark.tsx';

export interface ToastOptions {
  title: string;
  description?: string;
  state?: State;
  /** One thing to do about it. */
  action?: { label: string; onSelect: () => void };
  /** 0: it stays until it is closed. */
  timeoutMs?: number;
}

interface ToastData {
  state: State;
}

const manager = Base.createToastManager<ToastData>();

/** Once a ToastList is on the page. */
export function showToast({ title, description, state = 'ok', action, timeoutMs = 6000 }: ToastOptions): void {
  manager.add({
    title,
    description,
    timeout: timeoutMs,
    priority: state === 'bad' ? 'high' : 'low',
    data: { state },
    ...(action === undefined ? {} : { actionProps: { children: action.label, onClick: action.onSelect } }),
  });
}

export function ToastList(): ReactElement {
  return (
    <Base.Provider limit={4} toastManager={manager}>
      <Shown />
    </Base.Provider>
  );
}

function Shown(): ReactElement {
  const { toasts } = Base.useToastManager<ToastData>();
  return (
    <Base.Portal>
      <Base.Viewport className="fixed right-3 bottom-[calc(var(--bottom-bar-height)+var(--status-height)+12px)] z-50 flex w-90 max-w-[calc(100vw-24px)] flex-col gap-2 outline-none">
        {toasts.map((toast) => (
          <Base.Root
            key={toast.id}
            toast={toast}
            className="flex items-start gap-2 rounded-md border border-line bg-surface-1 py-2 pr-1 pl-3 shadow-overlay transition-opacity data-ending-style:opacity-0 data-limited:hidden data-starting-style:opacity-0"
          >
            <span className="flex h-8 items-center">
              <StateShape state={toast.data?.state ?? 'ok'} />
            </span>
            <Base.Content className="min-w-0 flex-1 py-1.5">
              <Base.Title className="text-base font-medium break-words" render={<p />} />
              <Base.Description className="text-sm break-words text-fg-2" />
              <Base.Action className="mt-1 text-sm font-medium text-accent hover:underline" />
            </Base.Content>
            <Base.Close render={<IconButton label="Close" icon={<X />} />} />
          </Base.Root>
        ))}
      </Base.Viewport>
    </Base.Portal>
  );
}
