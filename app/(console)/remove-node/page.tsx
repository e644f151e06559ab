import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { removeNodeKind } from '../../../core/plans/kinds.ts';
import { RemoveNodesWizard } from '../../../components/wizard/ManageWizards.tsx';

export const metadata: Metadata = { title: removeNodeKind.title };

export default function Page(): ReactElement {
  return <RemoveNodesWizard />;
}
