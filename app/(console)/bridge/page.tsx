import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { bridgeKind } from '../../../core/plans/kinds.ts';
import { BridgeWizard } from '../../../components/bridge/BridgeWizard.tsx';

export const metadata: Metadata = { title: bridgeKind.title };

export default function Page(): ReactElement {
  return <BridgeWizard />;
}
