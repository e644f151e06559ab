'use client';
// One action of a page: it runs once at a time, and its error stays beside the button that caused it.
import { useState } from 'react';
import { AppError } from '../../contract/errors.ts';
import { describeError } from '../../contract/errors.ts';
import type { ConsoleClient } from '../../lib/client.ts';
import { useConsole } from '../../lib/use-console.ts';

export interface Action {
  readonly isBusy: boolean;
  /** What went wrong the last time, for people; empty when nothing did. */
  readonly error: string;
  /** Runs it; resolves to whether it went well. A second call while it runs is ignored. */
  readonly run: (act: (client: ConsoleClient) => Promise<void>) => Promise<boolean>;
  readonly clear: () => void;
}

export function useAction(): Action {
  const client = useConsole()?.client ?? null;
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState('');
  return {
    isBusy,
    error,
    clear: () => {
      setError('');
    },
    run: async (act) => {
      if (isBusy) return false;
      setIsBusy(true);
      setError('');
      try {
        if (!client) throw new AppError('unreachable', 'no connection to the console yet: try again in a moment');
        await act(client);
        return true;
      } catch (thrown) {
        setError(describeError(thrown));
        return false;
      } finally {
        setIsBusy(false);
      }
    },
  };
}
