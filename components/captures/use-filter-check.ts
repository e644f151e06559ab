'use client';
// Whether a filter compiles, asked of the node that is to use it, once the typing rests.
import { useEffect, useState } from 'react';
import { describeError } from '../../contract/errors.ts';
import { useConsole } from '../../lib/use-console.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { checkLine } from './capture-line.ts';

const restMs = 350;
const timeoutMs = 15_000;

export interface FilterCheck {
  /** What is wrong with it; empty for nothing, and while that is not known. */
  readonly error: string;
  readonly isAsking: boolean;
}

export function useFilterCheck(node: string, filter: string): FilterCheck {
  const commands = useConsole()?.commands ?? null;
  const cluster = useCluster();
  const [asked, setAsked] = useState<{ key: string; error: string }>({ key: '', error: '' });
  const key = `${node} ${filter}`;
  const id = cluster?.Id ?? '';
  const attached = cluster?.AttachedTo ?? '';
  useEffect(() => {
    if (filter === '' || node === '' || commands === null || id === '') return;
    let isOver = false;
    const timer = setTimeout(() => {
      const errors: string[] = [];
      commands
        .run({ cluster: id, node: '' }, checkLine(node, filter, attached), {
          timeoutMs,
          onAnswer: ({ Resp }) => void errors.push(...(Resp ?? []).map((entry) => entry.Error)),
        })
        // A node that does not answer says so when the capture starts.
        .catch((error: unknown) => void errors.push(...(errors.length > 0 ? [] : [describeError(error)])))
        .finally(() => {
          if (!isOver) setAsked({ key, error: errors.find((error) => error !== '') ?? '' });
        });
    }, restMs);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [commands, id, attached, node, filter, key]);
  if (filter === '' || node === '') return { error: '', isAsking: false };
  return asked.key === key ? { error: asked.error, isAsking: false } : { error: '', isAsking: true };
}
