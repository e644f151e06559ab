'use client';
// Before something is destroyed: says what goes with it and asks to type the name.
import { useState } from 'react';
import type { ReactElement } from 'react';
import { Button } from './Button.tsx';
import { CommandLine } from './CommandLine.tsx';
import { Dialog } from './Dialog.tsx';
import { Field } from './Field.tsx';
import { Input } from './Input.tsx';

export interface ConfirmDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** `Remove node7`. */
  title: string;
  /** What goes with it, one sentence each: VMs, users, the management path. */
  consequences: readonly string[];
  /** What must be typed. */
  name: string;
  /** The verb on the button. */
  action: string;
  /** The same as a command, to copy. */
  command?: string;
  onConfirm: () => Promise<void>;
}

export function ConfirmDialog(props: ConfirmDialogProps): ReactElement {
  const { open, onOpenChange, title, consequences, name, action, command, onConfirm } = props;
  const [typed, setTyped] = useState('');
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState('');
  const close = (next: boolean): void => {
    setTyped('');
    setError('');
    onOpenChange(next);
  };
  const confirm = async (): Promise<void> => {
    setIsBusy(true);
    setError('');
    try {
      await onConfirm();
      close(false);
    } catch (thrown) {
      setError(thrown instanceof Error ? thrown.message : String(thrown));
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <Dialog
      open={open}
      onOpenChange={close}
      title={title}
      size="sm"
      footer={
        <>
          <Button onClick={() => close(false)}>Cancel</Button>
          <Button
            variant="danger"
            isBusy={isBusy}
            disabledReason={typed === name ? '' : `Type ${name} first.`}
            onClick={() => void confirm()}
          >
            {action}
          </Button>
        </>
      }
    >
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed === name && !isBusy) void confirm();
        }}
      >
        <ul className="list-disc space-y-1 pl-5 text-fg-2">
          {consequences.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
        <Field label={`Type ${name} to confirm`} error={error}>
          <Input isMono autoComplete="off" value={typed} onChange={(event) => setTyped(event.target.value)} />
        </Field>
        {command === undefined ? null : <CommandLine command={command} />}
      </form>
    </Dialog>
  );
}
