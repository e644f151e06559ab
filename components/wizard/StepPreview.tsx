// What a step will run or write: commands as typed, files as diffs, and notes.
import type { ReactElement } from 'react';
import type { Step } from '../../contract/plans.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { diffLines, type DiffLine } from './plan-preview.ts';

const lineLooks: Readonly<Record<DiffLine['kind'], string>> = {
  added: 'bg-ok-soft text-ok',
  removed: 'bg-bad-soft text-bad',
  same: 'text-fg-2',
  place: 'text-fg-3',
  file: 'text-fg-3',
};

export function StepPreview({ preview }: { preview: Step['preview'] }): ReactElement | null {
  if (preview.length === 0) return null;
  return (
    <div className="flex min-w-0 flex-col gap-2">
      {preview.map((part, at) => (
        <PreviewPart key={at} part={part} />
      ))}
    </div>
  );
}

function PreviewPart({ part }: { part: Step['preview'][number] }): ReactElement {
  switch (part.kind) {
    case 'note':
      return <p className="text-sm break-words text-fg-2">{part.text}</p>;
    case 'command':
      return (
        <div className="flex items-start rounded-md border bg-surface-0">
          <pre
            role="group"
            tabIndex={0}
            aria-label="Command"
            className="min-w-0 flex-1 scroller px-3 py-2 font-mono text-xs whitespace-pre"
          >
            {part.text}
          </pre>
          <CopyButton text={part.text} label="Copy command" />
        </div>
      );
    case 'diff':
      return (
        // Lines may be wider than the page: it scrolls by keyboard too.
        <pre
          role="group"
          tabIndex={0}
          aria-label="Change to a file"
          className="scroller rounded-md border bg-surface-0 py-1 text-xs"
        >
          {diffLines(part.text).map((line, at) => (
            <span key={at} className={`block w-max min-w-full px-3 font-mono ${lineLooks[line.kind]}`}>
              {line.text === '' ? ' ' : line.text}
            </span>
          ))}
        </pre>
      );
  }
}
