import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { BridgeWizard } from '../../../components/bridge/BridgeWizard.tsx';

export const metadata: Metadata = { title: 'Bridge' };

export default function Page(): ReactElement {
  return <BridgeWizard />;
}
