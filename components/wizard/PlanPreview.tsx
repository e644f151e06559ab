'use client';
// A plan before it runs: read aloud, warned about, then per node each step with its commands and changes.
import { ChevronRight } from 'lucide-react';
import { useMemo, useState, type ReactElement, type ReactNode } from 'react';
import type { Plan, Step } from '../../contract/plans.ts';
import { Badge } from '../ui/Badge.tsx';
import { Checkbox } from '../ui/Checkbox.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { Select } from '../ui/Select.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { changesSomething, groupNodes, type NodeGroup, readAloud, stepsByNode } from './plan-preview.ts';
import { StepPreview } from './StepPreview.tsx';

export interface PlanPreviewProps {
  readonly plan: Plan;
  readonly beside: ReactNode;
  readonly consent: string | null;
  readonly isAgreed: boolean;
  readonly onAgree: (agrees: boolean) => void;
}

export function PlanPreview({ plan, beside, consent, isAgreed, onAgree }: PlanPreviewProps): ReactElement {
  const groups = useMemo(() => groupNodes(plan), [plan]);
  const byNode = useMemo(() => stepsByNode(plan), [plan]);
  const sentences = useMemo(() => readAloud(plan), [plan]);
  return (
    <>
      <p className="max-w-180 text-lg">{sentences.join(' ')}</p>
      {plan.warnings.length === 0 ? null : (
        <Notice
          state="warn"
          title={plan.warnings.length === 1 ? 'Know before' : `Know before: ${plan.warnings.length} things`}
        >
          <ul className="flex list-disc flex-col gap-1 pl-4">
            {plan.warnings.map((warning) => (
              <li key={warning} className="break-words">
                {warning}
              </li>
            ))}
          </ul>
        </Notice>
      )}
      {beside}
      {groups.map((group) => (
        <GroupPanel key={group.label} group={group} byNode={byNode} isOpen={groups.length <= 3} />
      ))}
      <CommandLine command={plan.command} label="Copy as command" />
      {consent === null ? null : <Checkbox checked={isAgreed} onCheckedChange={onAgree} label={consent} />}
    </>
  );
}

interface GroupPanelProps {
  readonly group: NodeGroup;
  readonly byNode: ReadonlyMap<string, readonly Step[]>;
  readonly isOpen: boolean;
}

function GroupPanel({ group, byNode, isOpen: isOpenFirst }: GroupPanelProps): ReactElement {
  const [isOpen, setIsOpen] = useState(isOpenFirst && group.toDo > 0);
  const [node, setNode] = useState(group.nodes[0] ?? '');
  const steps = byNode.get(node) ?? group.steps;
  return (
    <Panel
      isFlush
      title={
        <button
          type="button"
          aria-expanded={isOpen}
          onClick={() => {
            setIsOpen(!isOpen);
          }}
          className="flex w-full items-center gap-2 text-left"
        >
          <ChevronRight
            aria-hidden="true"
            className={`size-4 shrink-0 text-fg-3 transition-transform ${isOpen ? 'rotate-90' : ''}`}
          />
          <span className="min-w-0 flex-1 font-mono break-words">{group.label}</span>
          <span className="shrink-0 text-sm font-normal text-fg-2 numbers">
            {group.toDo === 0 ? 'right already' : `${group.toDo} to do`}
            {group.isDone > 0 && group.toDo > 0 ? `, ${group.isDone} right` : ''}
          </span>
        </button>
      }
    >
      {isOpen ? (
        <>
          {group.nodes.length > 1 ? (
            <div className="flex items-center gap-2 border-b px-4 py-2 text-sm text-fg-2">
              As on
              <Select
                isMono
                aria-label="Node whose steps are shown"
                value={node}
                onValueChange={setNode}
                options={group.nodes.map((name) => ({ value: name, label: name }))}
                className="max-w-60"
              />
            </div>
          ) : null}
          <ol>
            {steps.map((step) => (
              <PlannedStep key={step.key} step={step} />
            ))}
          </ol>
        </>
      ) : null}
    </Panel>
  );
}

function PlannedStep({ step }: { step: Step }): ReactElement {
  return (
    <li className="flex flex-col gap-2 border-b px-4 py-3 last:border-b-0">
      <div className="flex flex-wrap items-center gap-2">
        <span className="min-w-0 flex-1 basis-40 font-medium break-words">{step.title}</span>
        {step.ask === null ? null : <Badge>asks first</Badge>}
        {step.isDone ? (
          <StateMark state="ok" className="text-sm">
            right already
          </StateMark>
        ) : !changesSomething(step) ? (
          <Badge>only looks</Badge>
        ) : step.undo === null ? (
          <Badge>no undo</Badge>
        ) : null}
      </div>
      <p className="text-sm text-fg-2">{step.why}</p>
      {step.isDone ? null : <StepPreview preview={step.preview} />}
    </li>
  );
}
