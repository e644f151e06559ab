import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { ConsolePage } from '../../../../../components/screens/ConsolePage.tsx';

interface Props {
  params: Promise<{ node: string; name: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `${decodeURIComponent((await params).name)}, console` };
}

export default async function ConsoleRoute({ params }: Props): Promise<ReactElement> {
  const { node, name } = await params;
  return <ConsolePage node={decodeURIComponent(node)} name={decodeURIComponent(name)} />;
}
