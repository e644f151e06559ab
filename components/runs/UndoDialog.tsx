'use client';
// Before a run is undone: what is turned back and what stays. Where machines or a whole cluster go with it, a name is typed.
import Link from 'next/link';
import { useState, type ReactElement } from 'react';
import type { RunView } from '../../contract/plans.ts';
import { bridgeUndoOf } from '../../core/plans/bridge/plan/undo-radius.ts';
import { undoable } from '../../core/plans/undoable.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { useAction } from '../actions/use-action.ts';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { runKindOf } from './run-kinds.tsx';

export interface UndoDialogProps {
  readonly run: RunView;
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
}

export function UndoDialog({ run, open, onOpenChange }: UndoDialogProps): ReactElement {
  const action = useAction();
  const [typed, setTyped] = useState('');
  const { can, cannot } = undoable(run);
  const range = describeRange(can.map(({ node }) => (node === '' ? 'console' : node)));
  const bridging = bridgeUndoOf(can);
  const { confirmUndo, undoNote } = runKindOf(run.kind);
  const name = confirmUndo?.(run) ?? '';
  const isConfirmed = name === '' || typed === name;
  const close = (next: boolean): void => {
    setTyped('');
    onOpenChange(next);
  };
  const undo = async (): Promise<void> => {
    const isDone = await action.run(async (client) => {
      await client.call('runs.undo', { run: run.id });
    });
    if (isDone) close(false);
  };
  return (
    <Dialog
      open={open}
      onOpenChange={close}
      title="Undo this run"
      size="sm"
      footer={
        <>
          <Button
            onClick={() => {
              close(false);
            }}
          >
            Leave it
          </Button>
          <Button
            variant="danger"
            isBusy={action.isBusy}
            disabledReason={isConfirmed ? '' : `Type ${name} first.`}
            onClick={() => void undo()}
          >
            Undo {can.length === 1 ? '1 step' : `${can.length} steps`}
          </Button>
        </>
      }
    >
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (isConfirmed && !action.isBusy) void undo();
        }}
      >
        <p>
          {can.length} {can.length === 1 ? 'step is' : 'steps are'} turned back{bridging ? '' : ', the last first'}, on{' '}
          <span className="font-mono">{range}</span>.
        </p>
        {can.some(({ undo: way }) => way?.action === 'removeMeshd') ? (
          <p>
            meshd and the identity of these nodes are deleted; where the head is among them, the cluster’s CA goes with
            it.
          </p>
        ) : null}
        {bridging ? (
          <Notice state="warn" title={`VMs on ${bridging.bridge} lose their network`}>
            <div className="flex flex-col items-start gap-2">
              <p>
                The undo keeps the waves of the run: one node first, and the first failure stops the rest. Each node is
                checked before its bridge is removed, and the log names what was on it. The undo does not ask. A plan
                that removes the bridge names what is on each one before anything changes.
              </p>
              <Button
                size="sm"
                render={
                  <Link
                    href={`/bridge/remove?nodes=${encodeURIComponent(bridging.nodes)}&bridge=${encodeURIComponent(bridging.bridge)}`}
                  />
                }
              >
                Plan that instead
              </Button>
            </div>
          </Notice>
        ) : null}
        {undoNote === undefined ? null : <p>{undoNote}</p>}
        {cannot.length === 0 ? null : (
          <Notice state="warn" title="This stays as it is">
            {[...new Set(cannot.map(({ title }) => title))].join(', ')}
          </Notice>
        )}
        {name === '' ? null : (
          <Field label={`Type ${name} to confirm`}>
            <Input isMono autoComplete="off" value={typed} onChange={(event) => setTyped(event.target.value)} />
          </Field>
        )}
        <CommandLine command={`meshdeck runs undo ${run.id}`} />
        {action.error === '' ? null : (
          <p role="alert" className="text-bad">
            {action.error}
          </p>
        )}
      </form>
    </Dialog>
  );
}
