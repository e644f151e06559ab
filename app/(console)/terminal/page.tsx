import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { TerminalPage } from '../../../components/terminal/TerminalPage.tsx';

export const metadata: Metadata = { title: 'Terminal' };

export default function Page(): ReactElement {
  return <TerminalPage />;
}
