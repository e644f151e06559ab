import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { ReplaceNodeWizard } from '../../../components/wizard/ManageWizards.tsx';

export const metadata: Metadata = { title: 'Replace node' };

export default function Page(): ReactElement {
  return <ReplaceNodeWizard />;
}
