'use client';
// A labelled form field: label above, hint below, the error in place of the hint. Wraps Input, Textarea or Select.
import { Field as Base } from '@base-ui/react/field';
import { CircleAlert } from 'lucide-react';
import type { ReactElement, ReactNode } from 'react';
import { cx } from './cx.ts';
import { IsInField } from './is-in-field.ts';

export interface FieldProps {
  label: string;
  name?: string;
  hint?: ReactNode;
  /** What is wrong and what to do; empty or absent: nothing is. */
  error?: string | undefined;
  className?: string;
  children: ReactNode;
}

export function Field({ label, name, hint, error = '', className, children }: FieldProps): ReactElement {
  return (
    <Base.Root
      {...(name === undefined ? {} : { name })}
      invalid={error !== ''}
      className={cx('flex min-w-0 flex-col gap-1', className)}
    >
      <Base.Label className="text-sm font-medium text-fg-2">{label}</Base.Label>
      <IsInField value>{children}</IsInField>
      {error !== '' ? (
        <Base.Error match className="flex gap-1.5 text-sm text-bad">
          <CircleAlert aria-hidden="true" className="mt-0.5 size-4 shrink-0" />
          <span className="min-w-0 break-words">{error}</span>
        </Base.Error>
      ) : hint === undefined ? null : (
        <Base.Description className="text-sm text-fg-3">{hint}</Base.Description>
      )}
    </Base.Root>
  );
}
