// Fingerprints that nodes showed, to be compared before they are pinned. Equal keys on two nodes are flagged: such nodes
// are clones of one image, and each can pass for the other.
import type { ReactElement } from 'react';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Panel } from '../ui/Panel.tsx';
import { StateMark, StateShape } from '../ui/StateMark.tsx';
import type { HostKeys } from './host-keys.ts';

export function HostKeysPanel({ keys }: { keys: readonly HostKeys[] }): ReactElement | null {
  if (keys.length === 0) return null;
  return (
    <Panel title="Host keys to be pinned" isFlush>
      <ul className="max-h-96 scroller" tabIndex={0} aria-label="Host keys by node">
        {keys.map((node) => (
          <li key={node.node} className="flex flex-col gap-1 border-b px-4 py-2 last:border-b-0">
            <span className="flex flex-wrap items-baseline gap-x-3">
              <span className="font-mono text-sm font-semibold break-words">{node.node}</span>
              {node.isPinned ? (
                <StateMark state="ok" className="text-sm">
                  pinned already
                </StateMark>
              ) : null}
            </span>
            <span className="flex min-w-0 flex-col gap-1">
              {node.keys.map((key) => (
                <span
                  key={`${key.type} ${key.fingerprint}`}
                  className="grid min-w-0 items-baseline gap-x-3 sm:grid-cols-[9.5rem_1fr]"
                >
                  <span className="text-sm text-fg-3">{key.type}</span>
                  <span className="font-mono text-xs break-all">{key.fingerprint}</span>
                  {key.alsoOn.length === 0 ? null : (
                    <StateMark state="warn" className="text-sm font-medium sm:col-start-2">
                      the same on {describeRange(key.alsoOn)}
                    </StateMark>
                  )}
                </span>
              ))}
              {node.notes.map((note) => (
                <span key={note} className="flex min-w-0 gap-1.5 text-sm">
                  <StateShape state="bad" className="mt-1" />
                  <span className="min-w-0 break-words">{note}</span>
                </span>
              ))}
            </span>
          </li>
        ))}
      </ul>
      <div className="flex flex-col gap-2 border-t px-4 py-3">
        <p className="text-sm text-fg-2">
          Compare them with what the machine itself says, on its screen or serial console:
        </p>
        <CommandLine command="for f in /etc/ssh/ssh_host_*.pub; do ssh-keygen -lf $f; done" />
      </div>
    </Panel>
  );
}
