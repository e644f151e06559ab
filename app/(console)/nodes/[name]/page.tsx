import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { NodePage } from '../../../../components/nodes/NodePage.tsx';

interface Props {
  params: Promise<{ name: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).name) };
}

export default async function NodeRoute({ params }: Props): Promise<ReactElement> {
  return <NodePage name={decodeURIComponent((await params).name)} />;
}
