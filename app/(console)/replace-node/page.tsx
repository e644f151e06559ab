import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { replaceNodeKind } from '../../../core/plans/kinds.ts';
import { ReplaceNodeWizard } from '../../../components/wizard/ManageWizards.tsx';

export const metadata: Metadata = { title: replaceNodeKind.title };

export default function Page(): ReactElement {
  return <ReplaceNodeWizard />;
}
