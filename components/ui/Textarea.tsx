'use client';
// Several lines of text. Inside a Field it is labelled and described by it.
import { Field } from '@base-ui/react/field';
import type { ComponentProps, ReactElement } from 'react';
import { cx } from './cx.ts';
import { controlLook } from './control-look.ts';
import { useTypedEarly } from './use-typed-early.ts';

export interface TextareaProps extends Omit<ComponentProps<'textarea'>, 'ref'> {
  isMono?: boolean;
}

export function Textarea({ isMono = false, className, ...props }: TextareaProps): ReactElement {
  const field = useTypedEarly<HTMLTextAreaElement>(props.value);
  return (
    <Field.Control
      render={
        <textarea
          ref={field}
          rows={4}
          spellCheck={false}
          {...props}
          className={cx(controlLook, 'px-2 py-1.5', isMono ? 'font-mono text-sm' : 'text-base', className)}
        />
      }
    />
  );
}
