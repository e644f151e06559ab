'use client';
// One number for a split alias: which VMs move for each choice, as the page and as the nodes see it.
import { useState } from 'react';
import type { ReactElement } from 'react';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { countOf } from '../../lib/format.ts';
import { AskNode } from '../fleet/AskNode.tsx';
import { useCluster } from '../frame/use-cluster.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { LineAnswers } from './LineAnswers.tsx';
import { useLines } from './use-lines.ts';
import { joinLine } from './vlan-commands.ts';
import { fewestMoves, movedBy, nameVms, numbersOf } from './vlan-fixes.ts';
import type { VlanSource } from './vlan-source.ts';
import type { MapVlan, VlanMap } from './vlan-view.ts';
import { nodesOf } from './vlan-words.ts';

export interface JoinVlanDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  map: VlanMap;
  source: VlanSource;
  /** One of its numbers; null while it is closed. */
  vlan: MapVlan | null;
  onJoined: (name: string) => void;
}

export function JoinVlanDialog(props: JoinVlanDialogProps): ReactElement | null {
  const asCommand = useShellCommand();
  const { open, onOpenChange, map, source, vlan, onJoined } = props;
  const [chosen, setChosen] = useState<number | null>(null);
  const lines = useLines(map.cluster);
  const refusal = useRefusal('operator');
  const attached = useCluster()?.AttachedTo ?? '';
  if (vlan === null) return null;
  const numbers = numbersOf(map, vlan);
  const to = numbers.some((other) => other.vlan === chosen) ? chosen : fewestMoves(numbers);
  const isDone = lines.answers.length > 0 && !lines.hasFailed && !lines.isBusy;
  const close = (): void => {
    if (isDone) onJoined(`${vlan.namespace}//${vlan.alias}`);
    lines.clear();
    setChosen(null);
    onOpenChange(false);
  };
  return (
    <Dialog
      open={open}
      onOpenChange={(next) => (next ? onOpenChange(true) : close())}
      title={`Join ${vlan.alias}`}
      description="All its VMs move to one number. The network of those that move stands still for a moment."
      footer={
        isDone ? (
          <Button variant="primary" onClick={close}>
            Close
          </Button>
        ) : (
          <>
            <Button onClick={close}>Cancel</Button>
            <Button
              variant="primary"
              isBusy={lines.isBusy}
              disabledReason={refusal === '' && numbers.length < 2 ? 'It is not split.' : refusal}
              onClick={() => {
                if (to !== null) void lines.run([joinLine(vlan, to)]);
              }}
            >
              Join to {to}
            </Button>
          </>
        )
      }
    >
      <div className="flex flex-col gap-4">
        {isDone ? null : (
          <>
            <fieldset className="flex flex-col gap-1">
              <legend className="mb-1 text-sm font-medium text-fg-2">Number that stays</legend>
              {numbers.map((other) => {
                const moved = movedBy(numbers, other.vlan, source.vmsOn);
                return (
                  <label key={other.key} className="flex min-h-9 items-start gap-2 py-1">
                    <input
                      type="radio"
                      name="number"
                      className="mt-0.5 size-4 accent-(--accent)"
                      checked={other.vlan === to}
                      onChange={() => setChosen(other.vlan)}
                    />
                    <span>
                      <span className="font-mono">{other.vlan}</span>
                      <span className="text-fg-3">
                        {' '}
                        {countOf(other.sum.total, 'VM')}
                        {other.sum.total === 0 ? '' : ` on ${nodesOf(map, other)}`}
                      </span>
                      <span className="block text-sm text-fg-2">
                        {moved.length === 0
                          ? 'No VM moves.'
                          : `${countOf(moved.length, 'VM')} would move: ${nameVms(moved)}.`}
                      </span>
                    </span>
                  </label>
                );
              })}
            </fieldset>
            <div>
              <h3 className="mb-1 text-sm font-medium text-fg-2">As the nodes see it</h3>
              <AskNode cluster={map.cluster} node={attached} line={joinLine(vlan, null)} />
            </div>
            {to === null ? null : <CommandLine command={asCommand(joinLine(vlan, to))} label="Copy as command" />}
          </>
        )}
        <LineAnswers answers={lines.answers} />
      </div>
    </Dialog>
  );
}
