'use client';
// The server's page is on the screen before its scripts run. On a slow machine that takes seconds.
import { useSyncExternalStore } from 'react';

const never = () => () => undefined;

/** Whether this page answers yet: false as the server sends it. A control that would do nothing yet is disabled until then. */
export function useIsLive(): boolean {
  return useSyncExternalStore(
    never,
    () => true,
    () => false,
  );
}
