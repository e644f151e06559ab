import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { attachKind } from '../../../core/plans/kinds.ts';
import { AttachWizard } from '../../../components/wizard/AttachWizard.tsx';

export const metadata: Metadata = { title: attachKind.title };

export default function Page(): ReactElement {
  return <AttachWizard />;
}
