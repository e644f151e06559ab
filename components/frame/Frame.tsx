'use client';
// What stands around every page: sidebar, top bar, status line, and on a phone the bottom bar. Routes give the page in it.
import type { ReactElement, ReactNode } from 'react';
import { ConsoleProvider } from '../../lib/use-console.ts';
import { ToastProvider } from '../ui/Toast.tsx';
import { BottomBar } from './BottomBar.tsx';
import { Sidebar } from './Sidebar.tsx';
import { SimulatedBanner } from './SimulatedBanner.tsx';
import { StatusLine } from './StatusLine.tsx';
import { TopBar } from './TopBar.tsx';
import { SessionProvider } from './use-session.tsx';

export interface FrameProps {
  /** Above the page over its whole width: a lost connection. */
  banner?: ReactNode;
  /** In the top bar: the palette's button. */
  palette?: ReactNode;
  /** Parts that listen and show toasts, and take no space on the page. */
  listeners?: ReactNode;
  children: ReactNode;
}

export function Frame({ banner, palette, listeners, children }: FrameProps): ReactElement {
  return (
    <ConsoleProvider>
      <SessionProvider>
        <ToastProvider>
          <a
            href="#page"
            className="fixed top-2 left-2 z-50 -translate-y-20 rounded-md bg-accent px-3 py-2 text-on-accent focus:translate-y-0"
          >
            Skip to the page
          </a>
          <div className="flex h-dvh overflow-hidden">
            <Sidebar />
            <div className="flex min-w-0 flex-1 flex-col">
              <TopBar palette={palette} />
              <SimulatedBanner />
              {banner}
              <main id="page" tabIndex={-1} className="relative flex min-h-0 flex-1 flex-col scroller outline-none">
                {children}
              </main>
              <StatusLine />
              <BottomBar />
            </div>
          </div>
          {listeners}
        </ToastProvider>
      </SessionProvider>
    </ConsoleProvider>
  );
}
