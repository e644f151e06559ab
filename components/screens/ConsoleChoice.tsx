'use client';
// Which console of a VM is shown: its screen, or one of its serial ports. Low enough for the identity bar.
import { Monitor, SquareTerminal } from 'lucide-react';
import type { ReactElement, ReactNode } from 'react';
import { cx } from '../ui/cx.ts';
import type { ConsoleKind } from './console-path.ts';

export interface ConsoleChoiceProps {
  readonly kind: ConsoleKind;
  readonly port: number;
  /** How many serial ports there are. */
  readonly ports: number;
  /** Keys of the URL. */
  readonly onChoose: (next: { readonly kind: string | null; readonly port: string | null }) => void;
}

export function ConsoleChoice({ kind, port, ports, onChoose }: ConsoleChoiceProps): ReactElement {
  // Without a port there is one entry all the same: it says what the VM lacks.
  const serials = Array.from({ length: Math.max(1, ports) }, (_, at) => at);
  return (
    <div role="group" aria-label="Console" className="flex max-w-80 min-w-0 items-center gap-0.5 scroller">
      <Choice
        icon={<Monitor aria-hidden="true" />}
        label="VNC"
        isChosen={kind === 'vnc'}
        onChoose={() => onChoose({ kind: null, port: null })}
      />
      {serials.map((number) => (
        <Choice
          key={number}
          icon={<SquareTerminal aria-hidden="true" />}
          label="Serial"
          number={ports > 1 ? number : null}
          isChosen={kind === 'serial' && port === number}
          onChoose={() => onChoose({ kind: 'serial', port: number === 0 ? null : String(number) })}
        />
      ))}
    </div>
  );
}

interface ChoiceProps {
  readonly icon: ReactNode;
  readonly label: string;
  /** Null where there is only one. */
  readonly number?: number | null;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

function Choice({ icon, label, number = null, isChosen, onChoose }: ChoiceProps): ReactElement {
  return (
    <button
      type="button"
      aria-pressed={isChosen}
      onClick={onChoose}
      className={cx(
        'inline-flex h-6 shrink-0 items-center gap-1.5 rounded-sm px-1.5 text-sm font-medium transition-colors max-md:h-9 [&_svg]:size-4',
        isChosen ? 'bg-surface-3 text-fg-1' : 'text-fg-2 hover:bg-surface-2 hover:text-fg-1',
      )}
    >
      {icon}
      <span className="max-md:sr-only">{label}</span>
      {number}
    </button>
  );
}
