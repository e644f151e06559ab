'use client';
// Short news in the corner: what others changed, what just ended. Errors of the reader's own action belong at that action.
// The list that shows them is loaded with the first one.
import { createContext, useContext, useEffect, useState } from 'react';
import type { ReactElement, ReactNode } from 'react';
import type { ToastOptions } from './ToastList.tsx';

const load = () => import('./ToastList.tsx');

const ToastContext = createContext<(options: ToastOptions) => void>(() => undefined);

/** Shows a toast. */
export function useToast(): (options: ToastOptions) => void {
  return useContext(ToastContext);
}

export function ToastProvider({ children }: { children: ReactNode }): ReactElement {
  const [first, setFirst] = useState<readonly ToastOptions[]>([]);
  const [loaded, setLoaded] = useState<Awaited<ReturnType<typeof load>> | null>(null);
  const show = (options: ToastOptions): void => {
    if (loaded !== null) {
      loaded.showToast(options);
      return;
    }
    setFirst((those) => [...those, options]);
    // News that cannot be shown, since the console is gone, are in the runs once it is back.
    load().then(setLoaded, () => undefined);
  };
  useEffect(() => {
    // The list is there by now, and with it the region that a screen reader listens to.
    if (loaded === null || first.length === 0) return;
    for (const options of first) loaded.showToast(options);
    setFirst([]);
  }, [loaded, first]);
  return (
    <ToastContext value={show}>
      {children}
      {loaded === null ? null : <loaded.ToastList />}
    </ToastContext>
  );
}
