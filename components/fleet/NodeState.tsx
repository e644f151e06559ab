'use client';
// A node's state in a table cell or a line: shape, word, and its age once it is lost.
import type { ReactElement } from 'react';
import { formatAgo, formatInstant } from '../../lib/format.ts';
import { StateMark } from '../ui/StateMark.tsx';
import type { MeshNode } from './mesh-view.ts';

export function NodeState({ node, now }: { node: MeshNode; now: number }): ReactElement {
  const { LostAt: lostAt } = node.facts;
  return (
    <StateMark state={node.state}>
      {node.word}
      {lostAt === null ? null : (
        <span className="text-fg-3" title={formatInstant(lostAt)}>
          {' '}
          {formatAgo(lostAt, now)}
        </span>
      )}
    </StateMark>
  );
}
