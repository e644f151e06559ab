'use client';
// What a page loads once and again on request: users, sessions. The old data stays on the page while it loads again.
import { useCallback, useEffect, useRef, useState } from 'react';
import { describeError } from '../../contract/errors.ts';
import type { ConsoleClient } from '../../lib/client.ts';
import { useConsole } from '../../lib/use-console.ts';

export interface Loaded<T> {
  /** Null until it came the first time. */
  readonly data: T | null;
  readonly error: string;
  readonly reload: () => Promise<void>;
}

/** `load` is called when the connection comes up, at each `reload`, and when `key` changes. */
export function useLoaded<T>(key: string, load: (client: ConsoleClient) => Promise<T>): Loaded<T> {
  const client = useConsole()?.client ?? null;
  const [data, setData] = useState<T | null>(null);
  const [error, setError] = useState('');
  const latest = useRef({ load, turn: 0 });
  useEffect(() => {
    latest.current.load = load;
  });
  const reload = useCallback(async () => {
    if (!client) return;
    const turn = (latest.current.turn += 1);
    try {
      const found = await latest.current.load(client);
      // An answer that was overtaken by a later question is worth nothing.
      if (turn !== latest.current.turn) return;
      setData(found);
      setError('');
    } catch (thrown) {
      if (turn === latest.current.turn) setError(describeError(thrown));
    }
  }, [client]);
  useEffect(() => {
    if (!client) return;
    return client.onConnected(() => void reload());
  }, [client, reload, key]);
  return { data, error, reload };
}
