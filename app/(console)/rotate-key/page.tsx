import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { rotateKeyKind } from '../../../core/plans/kinds.ts';
import { RotateKeyWizard } from '../../../components/wizard/ManageWizards.tsx';

export const metadata: Metadata = { title: rotateKeyKind.title };

export default function Page(): ReactElement {
  return <RotateKeyWizard />;
}
