'use client';
// One node: its place in the mesh, its host, its peers, what happened to it, what it says itself, its checks and its log.
import { Server } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import type { ReactElement } from 'react';
import { bridgeKind } from '../../core/plans/kinds.ts';
import { countOf } from '../../lib/format.ts';
import { useKnownNodes } from '../../lib/use-console.ts';
import { NodeCaptures } from '../captures/PlaceCaptures.tsx';
import { BridgeFactList } from '../fleet/BridgeFactList.tsx';
import { LoginFacts } from '../fleet/LoginFacts.tsx';
import { NodeActions } from '../fleet/NodeActions.tsx';
import { NodeState } from '../fleet/NodeState.tsx';
import { Peers } from '../fleet/Peers.tsx';
import { whatToDo } from '../fleet/advice.ts';
import { HostFactList, MeshFacts } from '../fleet/facts.tsx';
import { useAddedNodes } from '../fleet/use-added.ts';
import { useMesh, useServerNow } from '../fleet/use-mesh.ts';
import { PageHeader } from '../frame/PageHeader.tsx';
import { useClusterPath } from '../frame/use-cluster.ts';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { NodeVms } from '../vms/NodeVms.tsx';
import { ChecksPanel } from './ChecksPanel.tsx';
import { LogPanel } from './LogPanel.tsx';
import { NodeHour } from './NodeHour.tsx';
import { NodeQuestions } from './NodeQuestions.tsx';
import { NodeRuns } from './NodeRuns.tsx';

export function NodePage({ name }: { name: string }): ReactElement {
  const { mesh, status } = useMesh();
  const now = useServerNow();
  const router = useRouter();
  const withCluster = useClusterPath();
  const bridging = usePlanRefusal(bridgeKind);
  const added = useAddedNodes();
  const node = mesh.byName.get(name) ?? added.find((each) => each.name === name) ?? null;
  const { status: knownStatus, nodes: allKnown } = useKnownNodes();
  const known = [...allKnown.values()].find((each) => each.name === name) ?? null;
  if (status === 'loading') return <SkeletonRows label="The node is loading" />;
  if (node === null) {
    return (
      <EmptyState
        icon={<Server />}
        title={`No node is called ${name}`}
        action={<Button render={<Link href={withCluster('/nodes')} />}>All nodes</Button>}
      >
        It may have been removed, or belong to another cluster.
      </EmptyState>
    );
  }
  const advice = whatToDo(node);
  return (
    <>
      <PageHeader
        title={<span className="font-mono">{node.name}</span>}
        state={<NodeState node={node} now={now} />}
        actions={<NodeActions node={node} isOnPage />}
      />
      <div className="flex flex-col gap-4 px-4 pb-6 md:px-6">
        {advice === '' ? null : <Notice state={node.state}>{advice}</Notice>}
        <div className="grid gap-4 md:grid-cols-2 xl:grid-cols-3 2xl:grid-cols-5">
          {node.added ? (
            <Panel title="Login">
              <LoginFacts added={node.added} now={now} />
            </Panel>
          ) : (
            <>
              <Panel title="In the mesh">
                <MeshFacts node={node} now={now} />
              </Panel>
              <Panel title="Host">
                <HostFactList node={node} now={now} />
              </Panel>
            </>
          )}
          <Panel
            title="Bridge"
            actions={
              <Button
                size="sm"
                variant="ghost"
                disabledReason={bridging}
                render={<Link href={withCluster(`/bridge?nodes=${encodeURIComponent(node.name)}`)} />}
              >
                Wizard
              </Button>
            }
          >
            <BridgeFactList node={node} now={now} seen={known?.bridge ?? null} />
          </Panel>
          {node.added ? null : (
            <>
              <Panel
                title={`Peers: ${countOf(node.peers.length, 'link')}`}
                actions={
                  <Button
                    size="sm"
                    variant="ghost"
                    render={<Link href={withCluster(`/mesh?node=${encodeURIComponent(node.name)}`)} />}
                  >
                    In the picture
                  </Button>
                }
              >
                <Peers
                  mesh={mesh}
                  node={node}
                  now={now}
                  onSelect={(peer) => router.push(withCluster(`/nodes/${encodeURIComponent(peer)}`))}
                />
              </Panel>
              <NodeHour name={node.name} now={now} />
            </>
          )}
        </div>
        <div className="grid gap-4 xl:grid-cols-2">
          {mesh.cluster === null || node.added ? null : <NodeQuestions cluster={mesh.cluster.Id} node={node} />}
          {node.added ? null : <NodeVms node={node} />}
          {node.added ? null : <NodeCaptures node={node} />}
          {knownStatus === 'loading' ? null : <ChecksPanel name={name} known={known} now={now} />}
          {node.added ? null : <LogPanel key={node.id} mesh={mesh} node={node} />}
          <NodeRuns name={name} now={now} />
        </div>
      </div>
    </>
  );
}
