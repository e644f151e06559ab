import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { passwordlessRootKind } from '../../../core/plans/kinds.ts';
import { PasswordlessWizard } from '../../../components/wizard/PasswordlessWizard.tsx';

export const metadata: Metadata = { title: passwordlessRootKind.title };

export default function Page(): ReactElement {
  return <PasswordlessWizard />;
}
