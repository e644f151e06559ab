'use client';
// What to probe: VLANs and nodes, what that costs, the command for it, and the buttons that begin and end it.
import { Radar, Square } from 'lucide-react';
import type { ReactElement, ReactNode } from 'react';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { countOf, formatDuration } from '../../lib/format.ts';
import { useLack } from '../fleet/use-lack.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { cx } from '../ui/cx.ts';
import type { MapNode, VlanMap } from '../vlans/vlan-view.ts';
import { nodesWithUplink, nodesWithVms, nodeText, vlansInUse, vlanText, type ProbeChoice } from './probe-choice.ts';

export interface ProbeFormProps {
  map: VlanMap;
  typed: { vlans: string; nodes: string };
  /** VLANs in use that the usual choice had to leave out; 0 once somebody typed. */
  left: number;
  choice: ProbeChoice;
  onType: (change: { vlans?: string; nodes?: string }) => void;
  isRunning: boolean;
  onRun: () => void;
  onCancel: () => void;
}

export function ProbeForm(props: ProbeFormProps): ReactElement {
  const asCommand = useShellCommand();
  const { map, typed, left, choice, onType, isRunning, onRun, onCancel } = props;
  const lack = useLack('probe');
  const mayRun = useRefusal('operator');
  const refusal = mayRun !== '' ? mayRun : lack;
  const blocked = refusal === '' ? choice.refusal : refusal;
  const inUse = vlanText(vlansInUse(map));
  const able = nodesWithUplink(map);
  const withVms = nodesWithVms(map, choice.vlans.value);
  const without = choice.nodes.value.filter(({ uplink }) => uplink === '');
  return (
    <form
      className="grid items-start gap-x-4 gap-y-3 border-t bg-surface-1 px-4 py-4 md:grid-cols-2 md:px-6"
      onSubmit={(event) => {
        event.preventDefault();
        if (blocked === '' && !isRunning) onRun();
      }}
    >
      <div className="relative flex min-w-0 flex-col gap-2">
        <Field
          label="VLANs"
          error={typed.vlans.trim() === '' ? '' : choice.vlans.error}
          hint="Aliases, numbers, ranges such as 100-120, with commas."
        >
          <Input isMono value={typed.vlans} onChange={(event) => onType({ vlans: event.target.value })} />
        </Field>
        <Choices label="Choose VLANs">
          <Choice isChosen={typed.vlans === inUse} isOff={inUse === ''} onChoose={() => onType({ vlans: inUse })}>
            In use: {vlansInUse(map).length}
          </Choice>
          {left === 0 ? null : (
            <span className="self-center text-sm text-fg-3">{countOf(left, 'more VLAN')} than one probe tests</span>
          )}
        </Choices>
      </div>
      <div className="relative flex min-w-0 flex-col gap-2">
        <Field
          label="Nodes"
          error={typed.nodes.trim() === '' ? '' : choice.nodes.error}
          hint={
            without.length === 0
              ? 'Two at least; a range such as node[1-4].'
              : `${listed(without)} ${without.length === 1 ? 'has' : 'have'} no uplink that the console knows of; a probe looks for it.`
          }
        >
          <Input isMono value={typed.nodes} onChange={(event) => onType({ nodes: event.target.value })} />
        </Field>
        <Choices label="Choose nodes">
          <Choice
            isChosen={typed.nodes === nodeText(able)}
            isOff={able.length === 0}
            onChoose={() => onType({ nodes: nodeText(able) })}
          >
            With an uplink: {able.length}
          </Choice>
          <Choice
            isChosen={typed.nodes === nodeText(withVms)}
            isOff={withVms.length === 0}
            onChoose={() => onType({ nodes: nodeText(withVms) })}
          >
            With VMs on these VLANs: {withVms.length}
          </Choice>
        </Choices>
      </div>
      <div className="flex min-w-0 flex-wrap items-start gap-x-3 gap-y-2 md:col-span-2">
        {isRunning ? (
          <Button className="mt-0.5" icon={<Square className="size-4" />} onClick={onCancel}>
            Cancel
          </Button>
        ) : (
          <Button
            className="mt-0.5"
            type="submit"
            variant="primary"
            icon={<Radar className="size-4" />}
            disabledReason={blocked}
          >
            Probe
          </Button>
        )}
        <div className="min-w-0 flex-1 basis-80">
          {choice.line === '' ? null : <CommandLine command={asCommand(choice.line)} label="Copy as command" />}
          <p className={cx('mt-1 text-sm', choice.line === '' ? 'text-bad' : 'text-fg-3')}>{sentence(choice)}</p>
        </div>
      </div>
    </form>
  );
}

function sentence({ line, refusal, vlans, nodes, paths, tookMs }: ProbeChoice): string {
  if (line === '') return vlans.error === '' && nodes.error === '' ? refusal : '';
  const size = `${countOf(nodes.value.length, 'node')}, ${countOf(vlans.value.length, 'VLAN')}: ${countOf(paths, 'path')}`;
  return `${size}, about ${formatDuration(Math.max(1_000, tookMs))}. What seems wrong is tested again. No VM sees a frame of it.`;
}

const listed = (nodes: readonly MapNode[]): string => nodeText(nodes);

function Choices({ label, children }: { label: string; children: ReactNode }): ReactElement {
  return (
    <div role="group" aria-label={label} className="flex flex-wrap gap-1.5 md:absolute md:-top-1.5 md:right-0">
      {children}
    </div>
  );
}

function Choice({
  isChosen,
  isOff,
  onChoose,
  children,
}: {
  isChosen: boolean;
  isOff: boolean;
  onChoose: () => void;
  children: ReactNode;
}): ReactElement {
  return (
    <button
      type="button"
      aria-pressed={isChosen}
      disabled={isOff}
      onClick={onChoose}
      className={cx(
        'inline-flex h-6.5 items-center rounded-sm border px-2 text-sm transition-colors disabled:opacity-50 max-md:h-11 max-md:px-3',
        isChosen ? 'border-accent bg-accent-soft text-fg-1' : 'border-line-strong text-fg-2 hover:bg-surface-2',
      )}
    >
      {children}
    </button>
  );
}
