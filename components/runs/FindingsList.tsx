'use client';
// What a check of a machine found: each problem with the command that fixes it, and all that is well in one line.
import { useState, type ReactElement } from 'react';
import type { Finding } from '../../contract/known-nodes.ts';
import { safeText } from '../../core/safe-text.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { StateShape, type State } from '../ui/StateMark.tsx';
import { isCommand } from './findings.ts';

const states: Readonly<Record<Finding['level'], State>> = { ok: 'ok', warn: 'warn', fail: 'bad' };

export function FindingsList({ findings }: { findings: readonly Finding[] }): ReactElement | null {
  const [showsAll, setShowsAll] = useState(false);
  if (findings.length === 0) return null;
  const notable = findings.filter(({ level }) => level !== 'ok');
  const well = findings.length - notable.length;
  const shown = showsAll ? findings : notable;
  return (
    <div className="flex flex-col gap-1.5 rounded-md border bg-surface-0 px-3 py-2 text-sm">
      {shown.map((finding) => (
        <div key={`${finding.id} ${finding.text}`} className="flex items-start gap-2">
          <div className="min-w-0 flex-1">
            <p className="flex gap-1.5">
              <StateShape state={states[finding.level]} className="mt-1" />
              <span className="min-w-0 break-words">{safeText(finding.text)}</span>
            </p>
            {finding.mend === '' ? null : (
              <p className={`pl-4.5 break-words text-fg-2 ${isCommand(finding.mend) ? 'font-mono text-xs' : ''}`}>
                {safeText(finding.mend)}
              </p>
            )}
          </div>
          {!isCommand(finding.mend) ? null : <CopyButton text={finding.mend} label="Copy the fix" />}
        </div>
      ))}
      {well === 0 ? null : (
        <button
          type="button"
          aria-expanded={showsAll}
          onClick={() => {
            setShowsAll(!showsAll);
          }}
          className="self-start text-accent hover:underline"
        >
          {showsAll ? 'Only what is not well' : `${well} ${well === 1 ? 'thing is' : 'things are'} well`}
        </button>
      )}
    </div>
  );
}
