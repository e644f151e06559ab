import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { RotateKeyWizard } from '../../../components/wizard/ManageWizards.tsx';

export const metadata: Metadata = { title: 'New console key' };

export default function Page(): ReactElement {
  return <RotateKeyWizard />;
}
