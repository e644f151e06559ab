// An action as the command that does the same, ready to copy.
import type { ReactElement } from 'react';
import { CopyButton } from './CopyButton.tsx';

export function CommandLine({ command, label = 'Copy command' }: { command: string; label?: string }): ReactElement {
  return (
    <div className="flex items-start gap-1 rounded-md border border-line bg-surface-2 py-0.5 pr-0.5 pl-2.5">
      <code className="min-w-0 flex-1 py-1.5 font-mono text-sm break-words whitespace-pre-wrap text-fg-1">
        {command}
      </code>
      <CopyButton text={command} label={label} />
    </div>
  );
}
