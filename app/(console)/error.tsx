'use client';
import type { ReactElement } from 'react';
import { Button } from '../../components/ui/Button.tsx';

/** A page that broke: says so, and tries again without losing the rest of the console. */
export default function PageError({ error, reset }: { error: Error; reset: () => void }): ReactElement {
  return (
    <div role="alert" className="flex flex-1 flex-col items-center justify-center gap-3 px-6 py-16 text-center">
      <h1 className="text-lg font-semibold">This page broke</h1>
      <p className="max-w-140 font-mono text-sm break-words text-fg-2">{error.message}</p>
      <Button variant="primary" onClick={reset}>
        Try again
      </Button>
    </div>
  );
}
