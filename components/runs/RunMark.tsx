// The state of a run, a lane or a step: a shape and a word. What is neither good nor bad has an empty ring.
import type { ReactElement } from 'react';
import { StateMark } from '../ui/StateMark.tsx';
import type { Tone } from './run-words.ts';

export function RunMark({ tone, word }: { tone: Tone; word: string }): ReactElement {
  if (tone !== 'quiet') return <StateMark state={tone}>{word}</StateMark>;
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap text-fg-2">
      <svg viewBox="0 0 12 12" aria-hidden="true" className="size-3 shrink-0 text-fg-3">
        <circle cx="6" cy="6" r="4.3" fill="none" stroke="currentColor" strokeWidth="1.4" />
      </svg>
      <span>{word}</span>
    </span>
  );
}
