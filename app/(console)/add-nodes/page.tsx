import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { addNodesKind } from '../../../core/plans/kinds.ts';
import { AddNodesWizard } from '../../../components/wizard/AddNodesWizard.tsx';

export const metadata: Metadata = { title: addNodesKind.title };

export default function Page(): ReactElement {
  return <AddNodesWizard />;
}
