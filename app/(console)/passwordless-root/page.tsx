import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { PasswordlessWizard } from '../../../components/wizard/PasswordlessWizard.tsx';

export const metadata: Metadata = { title: 'Root without a password' };

export default function Page(): ReactElement {
  return <PasswordlessWizard />;
}
