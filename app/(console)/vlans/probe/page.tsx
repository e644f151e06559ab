import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { ProbePage } from '../../../../components/probe/ProbePage.tsx';

export const metadata: Metadata = { title: 'Probe' };

export default function ProbeRoute(): ReactElement {
  return <ProbePage />;
}
