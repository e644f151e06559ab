'use client';
// One node: its place in the mesh, its host, its peers, what happened to it, what it says itself, its checks and its log.
import { Server } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import type { RunSummary } from '../../contract/plans.ts';
import { bridgeKind } from '../../core/plans/kinds.ts';
import { countOf, formatAgo, formatInstant } from '../../lib/format.ts';
import { useFleetPart, useKnownNodes, useRuns } from '../../lib/use-console.ts';
import { useLoaded } from '../actions/use-loaded.ts';
import { NodeCaptures } from '../captures/PlaceCaptures.tsx';
import { AskNode } from '../fleet/AskNode.tsx';
import { BridgeFactList } from '../fleet/BridgeFactList.tsx';
import { LoginFacts } from '../fleet/LoginFacts.tsx';
import { NodeActions } from '../fleet/NodeActions.tsx';
import { NodeState } from '../fleet/NodeState.tsx';
import { Peers } from '../fleet/Peers.tsx';
import { whatToDo } from '../fleet/advice.ts';
import { eventAfter, eventLines, eventVms } from '../fleet/events.ts';
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
import { Segmented } from '../ui/Segmented.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { StateShape } from '../ui/StateMark.tsx';
import { NodeVms } from '../vms/NodeVms.tsx';
import { ChecksPanel } from './ChecksPanel.tsx';
import { LogPanel } from './LogPanel.tsx';

const questions = [
  { value: 'mesh status', label: 'mesh status' },
  { value: 'mesh list', label: 'mesh list' },
  { value: 'host', label: 'host' },
  { value: 'version', label: 'version' },
] as const;
type Question = (typeof questions)[number]['value'];

const shownEvents = 30;
const shownRuns = 10;

/** Of two with one id, the first is kept. */
function newestRuns(runs: readonly RunSummary[]): RunSummary[] {
  const each = [...new Map(runs.toReversed().map((run) => [run.id, run])).values()];
  return each.sort((a, b) => b.startedAt - a.startedAt).slice(0, shownRuns);
}

export function NodePage({ name }: { name: string }): ReactElement {
  const { mesh, status } = useMesh();
  const { runs } = useRuns();
  const now = useServerNow();
  const router = useRouter();
  const withCluster = useClusterPath();
  const bridging = usePlanRefusal(bridgeKind);
  const [question, setQuestion] = useState<Question>('mesh status');
  const added = useAddedNodes();
  const node = mesh.byName.get(name) ?? added.find((each) => each.name === name) ?? null;
  const { status: knownStatus, nodes: allKnown } = useKnownNodes();
  const known = [...allKnown.values()].find((each) => each.name === name) ?? null;
  const events = useFleetPart(({ view }) => view.events);
  const lines = useMemo(
    () =>
      eventLines(
        events.filter((event) => event.Nodes.includes(name)),
        shownEvents,
      ),
    [events, name],
  );
  // The live list has the newest runs of all nodes; this node's older runs are loaded separately.
  const { data: asked } = useLoaded(name, (client) => client.call('runs.list', { limit: shownRuns, node: name }));
  const ownRuns = newestRuns([...runs, ...(asked ?? [])].filter((run) => run.nodes.includes(name)));

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
              <Panel title="Last hour" isFlush>
                {lines.length === 0 ? (
                  <p className="p-4 text-fg-3">Nothing happened to it.</p>
                ) : (
                  <ul className="max-h-90 scroller py-2" tabIndex={0} aria-label="What happened in the last hour">
                    {lines.map((line, index) => (
                      <li key={`${line.at} ${index}`} className="flex items-baseline gap-2.5 px-4 py-1">
                        <StateShape state={line.state} className="translate-y-px" />
                        <span className="min-w-0 flex-1">
                          {line.before}{' '}
                          <span className="font-mono text-sm">
                            {line.vms ? eventVms(line) : line.nodes.join(' – ')}
                          </span>{' '}
                          {eventAfter(line)}
                        </span>
                        <span className="text-sm whitespace-nowrap text-fg-3" title={formatInstant(line.at)}>
                          {formatAgo(line.at, now)}
                        </span>
                      </li>
                    ))}
                  </ul>
                )}
              </Panel>
            </>
          )}
        </div>
        <div className="grid gap-4 xl:grid-cols-2">
          {mesh.cluster === null || node.added ? null : (
            <Panel
              title="As the node sees it"
              actions={<Segmented label="Question" value={question} onValueChange={setQuestion} options={questions} />}
            >
              {node.facts.State === 'member' ? (
                <AskNode key={question} cluster={mesh.cluster.Id} node={node.name} line={question} />
              ) : (
                <p className="text-fg-3">{node.name} is not in the mesh: it takes no commands.</p>
              )}
            </Panel>
          )}
          {node.added ? null : <NodeVms node={node} />}
          {node.added ? null : <NodeCaptures node={node} />}
          {knownStatus === 'loading' ? null : <ChecksPanel name={name} known={known} now={now} />}
          {node.added ? null : <LogPanel key={node.id} mesh={mesh} node={node} />}
          <Panel title="Runs on it" isFlush>
            {ownRuns.length === 0 ? (
              <p className="p-4 text-fg-3">None that this console knows.</p>
            ) : (
              <ul>
                {ownRuns.map((run) => (
                  <li key={run.id}>
                    <Link
                      href={withCluster(`/runs/${encodeURIComponent(run.id)}`)}
                      className="flex items-center gap-3 border-b px-4 py-2 hover:bg-surface-2"
                    >
                      <span className="min-w-0 flex-1 truncate">{run.title}</span>
                      <span className="text-sm text-fg-2">{run.state}</span>
                      <span className="text-sm text-fg-3" title={formatInstant(run.startedAt)}>
                        {formatAgo(run.startedAt, now)}
                      </span>
                    </Link>
                  </li>
                ))}
              </ul>
            )}
          </Panel>
        </div>
      </div>
    </>
  );
}
