import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { DeployWizard } from '../../../components/wizard/DeployWizard.tsx';

export const metadata: Metadata = { title: 'Deploy' };

export default function Page(): ReactElement {
  return <DeployWizard />;
}
