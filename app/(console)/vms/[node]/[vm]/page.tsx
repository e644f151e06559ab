import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { VmPage } from '../../../../../components/vms/VmPage.tsx';

interface Props {
  params: Promise<{ node: string; vm: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { node, vm } = await params;
  return { title: `VM ${decodeURIComponent(vm)} on ${decodeURIComponent(node)}` };
}

export default async function VmRoute({ params }: Props): Promise<ReactElement> {
  const { node, vm } = await params;
  return <VmPage node={decodeURIComponent(node)} vm={decodeURIComponent(vm)} />;
}
