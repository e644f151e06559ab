// The verdicts of a probe on the screen: each has its own shape, a word, and what it means. Never colour alone.
import type { ReactElement } from 'react';
import type { ProbeVerdict } from '../../contract/probe.ts';
import { cx } from '../ui/cx.ts';
import type { State } from '../ui/StateMark.tsx';

interface VerdictLook {
  readonly word: string;
  /** Of a path. */
  readonly meaning: string;
  readonly tone: State;
  readonly shape: ReactElement;
}

const line = { fill: 'none', stroke: 'currentColor', strokeWidth: 1.6, strokeLinecap: 'round' } as const;

export const verdictLooks: Readonly<Record<ProbeVerdict, VerdictLook>> = {
  ok: {
    word: 'ok',
    meaning: 'Small frames and frames that fill the MTU arrive, once, on their VLAN.',
    tone: 'ok',
    shape: <path d="m2 6.4 2.8 2.8L10 3.4" {...line} strokeLinejoin="round" />,
  },
  blocked: {
    word: 'blocked',
    meaning: 'Nothing arrives, in both directions.',
    tone: 'bad',
    shape: (
      <>
        <rect x="1" y="1" width="10" height="10" rx="2" fill="currentColor" />
        <path d="m4 4 4 4m0-4-4 4" {...line} stroke="var(--surface-1)" strokeWidth="1.5" />
      </>
    ),
  },
  'blocked-one-way': {
    word: 'blocked one way',
    meaning: 'Nothing arrives in this direction, and something does in the other.',
    tone: 'bad',
    shape: <path d="M1.2 6h6M4.6 3.2 7.4 6 4.6 8.8M10.4 1.6v8.8" {...line} strokeLinejoin="round" />,
  },
  untagged: {
    word: 'untagged on arrival',
    meaning: 'The tag is lost: on some port the VLAN is the untagged (native) one.',
    tone: 'warn',
    shape: (
      <>
        <path d="M1.2 3h5.6L10.8 6 6.8 9H1.2Z" {...line} strokeLinejoin="round" />
        <path d="M2.4 11 9.4 1" {...line} />
      </>
    ),
  },
  'other-vlan': {
    word: 'on another VLAN',
    meaning: 'Frames end up on another VLAN, perhaps beside their own.',
    tone: 'warn',
    shape: <path d="M1 9.4h3.2L7.8 2.6H11M9 .9l1.9 1.7L9 4.3M8.4 9.4H11" {...line} strokeLinejoin="round" />,
  },
  'big-lost': {
    word: 'big frames lost',
    meaning: 'Small frames arrive: an MTU on the way is too small. ping works, and copies of files hang.',
    tone: 'warn',
    shape: (
      <>
        <rect x="1" y="1" width="10" height="10" rx="1.4" {...line} strokeDasharray="2.2 2" strokeLinecap="butt" />
        <rect x="4" y="4" width="4" height="4" fill="currentColor" />
      </>
    ),
  },
  doubled: {
    word: 'duplicated',
    meaning: 'Frames arrive twice: a loop, a second cable, or a mirror port.',
    tone: 'warn',
    shape: (
      <>
        <rect x="1" y="1" width="7" height="7" rx="1.4" {...line} />
        <rect x="4.4" y="4.4" width="6.6" height="6.6" rx="1.4" fill="currentColor" />
      </>
    ),
  },
  silent: {
    word: 'node silent',
    meaning: 'One of both nodes did not answer: the path was not tested.',
    tone: 'lost',
    shape: <circle cx="6" cy="6" r="4.4" {...line} strokeDasharray="2.4 2.2" strokeLinecap="butt" />,
  },
  unknown: {
    word: 'unknown',
    meaning: 'One of both nodes cannot take part, the path was not tested, or that is over an hour ago.',
    tone: 'lost',
    shape: (
      <>
        <path d="M3.6 4.2a2.4 2.4 0 1 1 3.5 2.1C6.3 6.8 6 7.1 6 7.9" {...line} />
        <circle cx="6" cy="10.4" r="1" fill="currentColor" />
      </>
    ),
  },
};

const colours: Readonly<Record<State, string>> = {
  ok: 'text-ok',
  busy: 'text-busy',
  warn: 'text-warn',
  bad: 'text-bad',
  lost: 'text-lost',
};

/** The shape alone: the words must stand near it, or be its cell’s label. */
export function VerdictShape({ verdict, className }: { verdict: ProbeVerdict; className?: string }): ReactElement {
  const { tone, shape } = verdictLooks[verdict];
  return (
    <svg viewBox="0 0 12 12" aria-hidden="true" className={cx('size-3.5 shrink-0', colours[tone], className)}>
      {shape}
    </svg>
  );
}

/** Shape and word. */
export function VerdictMark({
  verdict,
  word,
  className,
}: {
  verdict: ProbeVerdict;
  word?: string;
  className?: string;
}): ReactElement {
  return (
    <span className={cx('inline-flex items-center gap-1.5', className)}>
      <VerdictShape verdict={verdict} />
      <span>{word ?? verdictLooks[verdict].word}</span>
    </span>
  );
}

/** What the shapes mean, of these verdicts. */
export function VerdictLegend({
  verdicts,
  label = 'Verdicts',
}: {
  verdicts: readonly ProbeVerdict[];
  label?: string;
}): ReactElement {
  return (
    <ul aria-label={label} className="flex flex-wrap gap-x-4 gap-y-1 text-sm text-fg-2">
      {verdicts.map((verdict) => (
        <li key={verdict} title={verdictLooks[verdict].meaning}>
          <VerdictMark verdict={verdict} />
        </li>
      ))}
    </ul>
  );
}
