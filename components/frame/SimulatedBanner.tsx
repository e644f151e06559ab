'use client';
import type { ReactElement } from 'react';
import { SimulatedNotice } from './SimulatedNotice.tsx';
import { useSession } from './use-session.tsx';

/** The notice on every page of a session whose nodes are simulated. */
export function SimulatedBanner(): ReactElement | null {
  return useSession()?.isSimulated === true ? <SimulatedNotice /> : null;
}
