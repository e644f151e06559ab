'use client';
// Starts a capture where a VM's NIC or a bridge is shown.
import { Radio } from 'lucide-react';
import { useState } from 'react';
import type { ReactElement } from 'react';
import { useLack } from '../fleet/use-lack.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { loadOnOpen } from '../ui/load-on-open.tsx';
import type { CaptureTarget } from './capture-line.ts';
import type { StartCaptureDialogProps } from './StartCaptureDialog.tsx';

const StartCaptureDialog = loadOnOpen<StartCaptureDialogProps>(
  async () => (await import('./StartCaptureDialog.tsx')).StartCaptureDialog,
);

export interface CaptureButtonProps {
  targets: readonly CaptureTarget[];
  variant?: 'primary' | 'ghost' | 'secondary';
  size?: 'sm' | 'md';
  /** What it is of, for a screen reader; the word alone elsewhere. */
  label?: string;
}

export function CaptureButton({ targets, variant = 'ghost', size = 'sm', label }: CaptureButtonProps): ReactElement {
  const [isOpen, setIsOpen] = useState(false);
  const needsAdmin = targets.every(({ kind }) => kind === 'bridge');
  const refusals = { operator: useRefusal('operator'), admin: useRefusal('admin') };
  const lack = useLack('captures');
  const mayStart = needsAdmin && targets.length > 0 ? refusals.admin : refusals.operator;
  const refusal = mayStart !== '' ? mayStart : lack;
  return (
    <>
      <Button
        variant={variant}
        size={size}
        icon={<Radio aria-hidden="true" className="size-4" />}
        disabledReason={refusal !== '' ? refusal : targets.length === 0 ? 'No VM runs, and no bridge is known.' : ''}
        onClick={() => setIsOpen(true)}
        {...(label === undefined ? {} : { 'aria-label': label })}
      >
        Capture
      </Button>
      {targets.length === 0 ? null : <StartCaptureDialog open={isOpen} onOpenChange={setIsOpen} targets={targets} />}
    </>
  );
}
