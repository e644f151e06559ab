import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { CapturesPage } from '../../../components/captures/CapturesPage.tsx';

export const metadata: Metadata = { title: 'Captures' };

export default function CapturesRoute(): ReactElement {
  return <CapturesPage />;
}
