import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { TracePage } from '../../../../components/probe/TracePage.tsx';

export const metadata: Metadata = { title: 'Trace a path' };

export default function TraceRoute(): ReactElement {
  return <TracePage />;
}
