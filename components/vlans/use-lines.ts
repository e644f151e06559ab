'use client';
// Lines of the command language that an edit runs, one after the other, with what the nodes answered.
import { useEffect, useRef, useState } from 'react';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { describeError } from '../../contract/errors.ts';
import { useConsole } from '../../lib/use-console.ts';

/** What one line gave. */
export interface LineAnswer {
  readonly line: string;
  readonly entries: readonly ResponseEntry[];
  /** Why it could not be run, or its end is not known; empty otherwise. */
  readonly error: string;
}

export interface Lines {
  readonly isBusy: boolean;
  readonly answers: readonly LineAnswer[];
  /** A line failed; those behind it were not run. */
  readonly hasFailed: boolean;
  /** Resolves to the answers when all went well, to null when one failed. */
  readonly run: (lines: readonly string[]) => Promise<readonly LineAnswer[] | null>;
  readonly clear: () => void;
}

/** A join moves VMs on every node. */
const timeoutMs = 90_000;

export const isFailed = ({ entries, error }: LineAnswer): boolean =>
  error !== '' || entries.some((entry) => entry.Error !== '');

/** On the node that the console is attached to: the mesh brings the rest. */
export function useLines(cluster: string): Lines {
  const commands = useConsole()?.commands ?? null;
  const [isBusy, setIsBusy] = useState(false);
  const [answers, setAnswers] = useState<readonly LineAnswer[]>([]);
  const isRunning = useRef(false);
  // Who leaves the page does not end the command: the map shows what it does.
  const isGone = useRef(false);
  useEffect(() => {
    isGone.current = false;
    return () => {
      isGone.current = true;
    };
  }, []);

  const runLine = async (line: string): Promise<LineAnswer> => {
    const entries: ResponseEntry[] = [];
    try {
      if (!commands) throw new Error('no connection to the console yet: try again in a moment');
      await commands.run({ cluster, node: '' }, line, {
        timeoutMs,
        onAnswer: ({ Resp }) => void entries.push(...(Resp ?? [])),
      });
      return { line, entries, error: '' };
    } catch (error) {
      return { line, entries, error: describeError(error) };
    }
  };

  return {
    isBusy,
    answers,
    hasFailed: answers.some(isFailed),
    clear: () => setAnswers([]),
    run: async (lines) => {
      if (isRunning.current) return null;
      isRunning.current = true;
      setIsBusy(true);
      const done: LineAnswer[] = [];
      for (const line of lines) {
        const answer = await runLine(line);
        done.push(answer);
        if (!isGone.current) setAnswers([...done]);
        if (isFailed(answer)) break;
      }
      isRunning.current = false;
      if (!isGone.current) setIsBusy(false);
      return done.some(isFailed) ? null : done;
    },
  };
}
