import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { removeBridgeKind } from '../../../../core/plans/kinds.ts';
import { RemoveBridgeWizard } from '../../../../components/bridge/RemoveBridgeWizard.tsx';

export const metadata: Metadata = { title: removeBridgeKind.title };

export default function Page(): ReactElement {
  return <RemoveBridgeWizard />;
}
