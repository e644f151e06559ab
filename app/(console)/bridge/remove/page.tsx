import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { RemoveBridgeWizard } from '../../../../components/bridge/RemoveBridgeWizard.tsx';

export const metadata: Metadata = { title: 'Take the bridge away' };

export default function Page(): ReactElement {
  return <RemoveBridgeWizard />;
}
