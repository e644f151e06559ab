'use client';
// A live value: its cell flashes shortly when it changes, without moving anything.
import { useState } from 'react';
import type { ReactElement } from 'react';
import { cx } from '../ui/cx.ts';

export function Flash({ value, className }: { value: string; className?: string }): ReactElement {
  // A new key restarts the animation; the first value does not flash.
  const [seen, setSeen] = useState({ value, changes: 0 });
  if (seen.value !== value) setSeen({ value, changes: seen.changes + 1 });
  return (
    <span key={seen.changes} className={cx('rounded-sm', seen.changes > 0 && 'animate-flash', className)}>
      {value}
    </span>
  );
}
