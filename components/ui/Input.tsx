'use client';
// One line of text. Inside a Field it is labelled and described by it.
import { Input as Base } from '@base-ui/react/input';
import type { ComponentProps, ReactElement } from 'react';
import { controlLook } from './control-look.ts';
import { cx } from './cx.ts';
import { useTypedEarly } from './use-typed-early.ts';

export interface InputProps extends Omit<ComponentProps<'input'>, 'size' | 'ref'> {
  /** Names, addresses, ranges and commands are in mono. */
  isMono?: boolean;
}

export function Input({ isMono = false, className, value, defaultValue, ...props }: InputProps): ReactElement {
  const field = useTypedEarly<HTMLInputElement>(value);
  return (
    <Base
      ref={field}
      spellCheck={false}
      autoCapitalize="off"
      {...props}
      {...(value === undefined ? {} : { value })}
      {...(defaultValue === undefined ? {} : { defaultValue })}
      className={cx(controlLook, 'h-8 px-2 max-md:h-10', isMono ? 'font-mono text-sm' : 'text-base', className)}
    />
  );
}
