'use client';
// The selected node beside the picture or the table: state, actions, facts, peers, and what it says of its mesh itself.
import type { ReactElement, ReactNode } from 'react';
import { countOf } from '../../lib/format.ts';
import { Notice } from '../ui/Notice.tsx';
import { AskNode } from './AskNode.tsx';
import { BridgeFactList } from './BridgeFactList.tsx';
import { LoginFacts } from './LoginFacts.tsx';
import { NodeActions } from './NodeActions.tsx';
import { Peers } from './Peers.tsx';
import { HostFactList, MeshFacts } from './facts.tsx';
import { whatToDo } from './advice.ts';
import type { MeshNode, MeshView } from './mesh-view.ts';

export interface NodeInspectorProps {
  mesh: MeshView;
  node: MeshNode;
  now: number;
  isCut: boolean;
  onSelect: (name: string) => void;
}

export function NodeInspector({ mesh, node, now, isCut, onSelect }: NodeInspectorProps): ReactElement {
  const advice = whatToDo(node);
  return (
    <div className="flex flex-col gap-5">
      {advice === '' ? null : <Notice state={node.state}>{advice}</Notice>}
      {isCut ? (
        <Notice state="warn" title="The mesh hangs on this node">
          If it fails, other nodes lose each other. Raise the degree, or add a link that does not pass through it.
        </Notice>
      ) : null}
      <NodeActions node={node} />
      {node.added ? (
        <>
          <Section title="Login">
            <LoginFacts added={node.added} now={now} />
          </Section>
          <Section title="Bridge">
            <BridgeFactList node={node} now={now} seen={node.added.bridge} />
          </Section>
        </>
      ) : (
        <MemberSections mesh={mesh} node={node} now={now} onSelect={onSelect} />
      )}
    </div>
  );
}

function MemberSections({ mesh, node, now, onSelect }: Omit<NodeInspectorProps, 'isCut'>): ReactElement {
  return (
    <>
      <Section title="In the mesh">
        <MeshFacts node={node} now={now} />
      </Section>
      <Section title={`Peers: ${countOf(node.peers.length, 'link')}`}>
        <Peers mesh={mesh} node={node} now={now} onSelect={onSelect} />
      </Section>
      <Section title="Host">
        <HostFactList node={node} now={now} />
      </Section>
      {node.facts.State === 'member' && mesh.cluster !== null ? (
        <Section title="As the node sees it">
          <AskNode key={node.id} cluster={mesh.cluster.Id} node={node.name} line="mesh status" />
        </Section>
      ) : null}
    </>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }): ReactElement {
  return (
    <section>
      <h3 className="mb-2 text-base font-semibold">{title}</h3>
      {children}
    </section>
  );
}
