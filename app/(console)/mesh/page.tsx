import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { MeshPage } from '../../../components/topology/MeshPage.tsx';
import { StartWebgl } from '../../../components/topology/StartWebgl.tsx';

export const metadata: Metadata = { title: 'Mesh' };

export default function MeshRoute(): ReactElement {
  return (
    <>
      <StartWebgl />
      <MeshPage />
    </>
  );
}
