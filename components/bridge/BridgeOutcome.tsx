// The outcome on one node: kept or reverted, how long it was unreachable, and, after a revert, the likeliest cause with its
// evidence and what distinguishes this node from one where the change worked.
import type { ReactElement } from 'react';
import { httpPaths } from '../../contract/http-paths.ts';
import type { RebootProof } from '../../core/plans/bridge/plan/step-args.ts';
import { Button } from '../ui/Button.tsx';
import { Notice } from '../ui/Notice.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { Cell, HeaderCell, Table } from '../ui/Table.tsx';
import type { WatchedNode } from './bridge-view.ts';
export function BridgeOutcome({ run, node }: { run: string; node: WatchedNode }): ReactElement {
  const evidence = `${httpPaths.bridgeEvidence}?${new URLSearchParams({ run, step: node.step.key }).toString()}`;
  const { result, error, proof } = node;
  return (
    <div className="flex min-w-0 flex-col gap-3">
      {error === '' ? null : <p className="break-words whitespace-pre-line text-bad">{error}</p>}
      {result ? (
        <>
          <p className="text-sm text-fg-2 numbers">
            {[
              result.outageMs === null ? '' : `away for ${result.outageMs} ms`,
              result.seconds === null ? '' : `decided after ${result.seconds.toFixed(1)} s`,
              result.witnesses.length === 0 ? '' : `seen by ${result.witnesses.join(', ')}`,
            ]
              .filter((part) => part !== '')
              .join(' · ')}
          </p>
          {proof ? <RebootProven proof={proof} /> : null}
          {result.outcome === 'committed' && !proof ? (
            <RebootVerdict doubts={result.rebootDoubts} isRemoval={node.args.transaction.kind === 'remove'} />
          ) : null}
          {result.causes.map(({ cause, evidence, mend }) => (
            <Notice key={cause} state="warn" title={`Most likely: ${cause}`}>
              <p className="break-words">Because: {evidence}</p>
              {mend === '' ? null : <p className="break-words">To do: {mend}</p>}
            </Notice>
          ))}
          <Differences result={result} bad={node.node} />
          {result.outcome === 'committed' ? null : (
            <div>
              <Button size="sm" render={<a href={evidence} download />}>
                Download the evidence
              </Button>
            </div>
          )}
        </>
      ) : null}
    </div>
  );
}

/** What came of the restart that was to prove it; an error of that step stands beside it. */
function RebootProven({ proof }: { proof: RebootProof }): ReactElement {
  const away = proof.secondsAway === null ? '' : `, away for ${proof.secondsAway} s`;
  return proof.differences.length === 0 ? (
    <StateMark state="ok">proved by a restart{away}</StateMark>
  ) : (
    <StateMark state="bad">came back from its restart as something else{away}</StateMark>
  );
}

/** What the next boot would do, compared with what runs. */
function RebootVerdict({ doubts, isRemoval }: { doubts: readonly string[] | null; isRemoval: boolean }): ReactElement {
  if (doubts === null) return <StateMark state="lost">not compared with the next boot yet</StateMark>;
  if (doubts.length === 0)
    return (
      <StateMark state="ok">
        {isRemoval ? 'stays away at the next boot' : 'comes back like this at the next boot'}
      </StateMark>
    );
  return (
    <Notice state="warn" title="The next boot may do something else">
      <ul className="flex list-disc flex-col gap-1 pl-4">
        {doubts.map((doubt) => (
          <li key={doubt} className="break-words">
            {doubt}
          </li>
        ))}
      </ul>
    </Notice>
  );
}

function Differences({
  result,
  bad,
}: {
  result: NonNullable<WatchedNode['result']>;
  bad: string;
}): ReactElement | null {
  if (result.differences.length === 0) return null;
  return (
    <div className="scroller" tabIndex={0} role="group" aria-label={`How ${bad} differs from ${result.goodNode}`}>
      <Table>
        <thead>
          <tr>
            <HeaderCell>Differs</HeaderCell>
            <HeaderCell className="font-mono">{result.goodNode}, where it went well</HeaderCell>
            <HeaderCell className="font-mono">{bad}</HeaderCell>
          </tr>
        </thead>
        <tbody>
          {result.differences.map(({ fact, good, bad: here }) => (
            <tr key={fact}>
              <Cell>{fact}</Cell>
              <Cell isMono>{good}</Cell>
              <Cell isMono>{here}</Cell>
            </tr>
          ))}
        </tbody>
      </Table>
    </div>
  );
}
