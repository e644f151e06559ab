'use client';
// The right side of a wizard once there is a plan: per node, how much there is to do.
import { useMemo, type ReactElement } from 'react';
import type { Plan } from '../../contract/plans.ts';
import { StateMark } from '../ui/StateMark.tsx';
import { Panel } from '../ui/Panel.tsx';
import { groupNodes } from './plan-preview.ts';

export function NodeSummary({ plan }: { plan: Plan }): ReactElement {
  const groups = useMemo(() => groupNodes(plan), [plan]);
  return (
    <Panel title="What will happen" isFlush>
      <ul>
        {groups.map((group) => (
          <li key={group.label} className="flex flex-col gap-1 border-b px-4 py-2.5 last:border-b-0">
            <span className="flex items-baseline gap-2">
              <span className="min-w-0 flex-1 font-mono text-sm font-semibold break-words">{group.label}</span>
              {group.nodes.length > 1 ? (
                <span className="text-sm text-fg-3 numbers">{group.nodes.length} nodes</span>
              ) : null}
            </span>
            {group.toDo === 0 ? (
              <StateMark state="ok" className="text-sm">
                right already
              </StateMark>
            ) : (
              <ul className="text-sm text-fg-2">
                {group.steps.map((step, at) => (
                  <li key={step.key} className={step.isDone ? 'text-fg-3' : ''}>
                    {group.titles[at]}
                    {step.isDone ? ' (right already)' : ''}
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
