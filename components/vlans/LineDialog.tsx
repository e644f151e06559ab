'use client';
// A dialog that runs lines of the command language: a form whose Enter does what its button does, and what the nodes answered.
import type { ReactElement, ReactNode } from 'react';
import { Button } from '../ui/Button.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { LineAnswers } from './LineAnswers.tsx';
import type { useLines } from './use-lines.ts';

export interface LineDialogProps {
  readonly open: boolean;
  readonly onOpen: () => void;
  readonly onClose: () => void;
  readonly title: string;
  readonly description?: string;
  readonly size?: 'sm' | 'md';
  /** The word on the button. */
  readonly action: string;
  readonly variant?: 'primary' | 'danger';
  /** Why it cannot run yet; empty: it can. */
  readonly blocked: string;
  readonly lines: ReturnType<typeof useLines>;
  readonly run: () => Promise<void>;
  readonly children: ReactNode;
}

export function LineDialog(props: LineDialogProps): ReactElement {
  const { open, onOpen, onClose, title, description, size, action, variant = 'primary', blocked, lines, run } = props;
  return (
    <Dialog
      open={open}
      onOpenChange={(next) => (next ? onOpen() : onClose())}
      title={title}
      {...(description === undefined ? {} : { description })}
      {...(size === undefined ? {} : { size })}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant={variant} isBusy={lines.isBusy} disabledReason={blocked} onClick={() => void run()}>
            {action}
          </Button>
        </>
      }
    >
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (blocked === '' && !lines.isBusy) void run();
        }}
      >
        {props.children}
        <LineAnswers answers={lines.answers} />
        {/* The button of the footer is outside of the form: Enter in one of several fields needs one inside. */}
        <button type="submit" hidden tabIndex={-1} />
      </form>
    </Dialog>
  );
}
