import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { deployKind } from '../../../core/plans/kinds.ts';
import { DeployWizard } from '../../../components/wizard/DeployWizard.tsx';

export const metadata: Metadata = { title: deployKind.title };

export default function Page(): ReactElement {
  return <DeployWizard />;
}
