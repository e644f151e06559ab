import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { LaunchWizard } from '../../../components/launch/LaunchWizard.tsx';
import { launchKind } from '../../../core/plans/kinds.ts';

export const metadata: Metadata = { title: launchKind.title };

export default function Page(): ReactElement {
  return <LaunchWizard />;
}
