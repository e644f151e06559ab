'use client';
// What a node says of one VM when it is asked: once when the page opens, and again when `key` is another.
import { useCallback, useEffect, useState } from 'react';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { describeError } from '../../contract/errors.ts';
import { useConsole } from '../../lib/use-console.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { safeText } from '../../core/safe-text.ts';

export interface Asked {
  /** Of the last question that was answered; null before. */
  readonly entries: readonly ResponseEntry[] | null;
  /** Why the last question was not; empty otherwise. */
  readonly error: string;
  readonly isAsking: boolean;
  readonly ask: () => void;
}

/** Changes come in bursts: a start is several. */
const restMs = 300;
const timeoutMs = 15_000;

/**
 * `line`: as typed on the node that the console is attached to; empty: nothing to ask now, and the last answer stays. `host`: whose answer counts;
 * other hosts of a namespace may be asked too, and may be away.
 */
export function useAsked(host: string, line: string, key: string): Asked {
  const commands = useConsole()?.commands ?? null;
  const cluster = useCluster();
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState<Omit<Asked, 'ask'>>({ entries: null, error: '', isAsking: false });
  const id = cluster?.Id ?? '';
  const node = cluster?.AttachedTo ?? '';
  useEffect(() => {
    if (!commands || id === '' || line === '') return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      const entries: ResponseEntry[] = [];
      const put = (next: (before: Omit<Asked, 'ask'>) => Omit<Asked, 'ask'>): void => {
        if (!controller.signal.aborted) setState(next);
      };
      put((before) => ({ ...before, isAsking: true }));
      const options = {
        timeoutMs,
        signal: controller.signal,
        onAnswer: ({ Resp: part }: { Resp: ResponseEntry[] | null }) => entries.push(...(part ?? [])),
      };
      commands.run({ cluster: id, node }, line, options).then(
        () => {
          const own = entries.filter((entry) => entry.Host === host);
          const issue = (own.length > 0 ? own : entries).find(({ Error: error }) => error !== '')?.Error ?? '';
          put((before) =>
            issue === ''
              ? { entries: own, error: '', isAsking: false }
              : { ...before, error: safeText(issue), isAsking: false },
          );
        },
        (error: unknown) => put((before) => ({ ...before, error: safeText(describeError(error)), isAsking: false })),
      );
    }, restMs);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [commands, id, node, host, line, key, turn]);
  const ask = useCallback(() => setTurn((before) => before + 1), []);
  return { ...state, ask };
}
