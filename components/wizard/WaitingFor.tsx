'use client';
// What is waited for and since when: looking at many nodes takes a while, and silence would look like a hang.
import { useState, type ReactElement } from 'react';
import { useNow } from '../../lib/use-console.ts';
import { describeDuration } from '../runs/run-words.ts';
import { Spinner } from '../ui/Spinner.tsx';

export function WaitingFor({ text }: { text: string }): ReactElement {
  const [since] = useState(() => Date.now());
  const now = useNow(1000);
  return (
    <p role="status" className="flex items-center gap-2 text-fg-2">
      <Spinner className="text-busy" />
      <span className="min-w-0 break-words">{text}…</span>
      <span aria-hidden="true" className="numbers">
        {describeDuration(now - since)}
      </span>
    </p>
  );
}
