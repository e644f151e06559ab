// The NICs of each VM in their order, each with the VLAN that it is on.
import { X } from 'lucide-react';
import type { ReactElement } from 'react';
import { cx } from '../ui/cx.ts';
import type { LanChoice } from './cluster-facts.ts';
import type { LaunchValues } from './launch-values.ts';

interface NicListProps {
  readonly form: LaunchValues;
  readonly lans: readonly LanChoice[];
  readonly issue: (field: string) => string;
  /** Of the VLAN whose NIC is taken out. */
  readonly onRemove: (name: string) => void;
}

export function NicList({ form, lans, issue, onRemove }: NicListProps): ReactElement {
  const nicIssue = form.networks.map((_, at) => issue(`networks.${at}`)).find(Boolean) ?? '';
  const listIssue = issue('networks') || nicIssue || issue('vlans');
  return (
    <section aria-label="NICs of each VM" className="flex flex-col gap-2">
      <h3 className="text-sm font-medium text-fg-2">NICs of each VM</h3>
      {form.networks.length === 0 ? (
        <p className="rounded-md border border-dashed border-line-strong px-3 py-4 text-fg-2">
          None: the VMs have no network. Choose a VLAN below, or make one.
        </p>
      ) : (
        <ol className="flex flex-col gap-1.5">
          {form.networks.map((name, at) => (
            <Nic
              key={name}
              at={at}
              name={name}
              lan={lans.find((each) => each.alias === name)}
              vlan={form.vlans[name] ?? ''}
              isBad={issue(`networks.${at}`) !== ''}
              onRemove={() => onRemove(name)}
            />
          ))}
        </ol>
      )}
      {listIssue === '' ? null : (
        <p role="alert" className="text-sm text-bad">
          {listIssue}
        </p>
      )}
    </section>
  );
}

interface NicProps {
  readonly at: number;
  readonly name: string;
  /** Undefined: it is new, or a number. */
  readonly lan: LanChoice | undefined;
  /** As typed, of one that is new. */
  readonly vlan: string;
  readonly isBad: boolean;
  readonly onRemove: () => void;
}

function Nic({ at, name, lan, vlan, isBad, onRemove }: NicProps): ReactElement {
  const isNumber = /^\d+$/.test(name);
  return (
    <li
      className={cx(
        'flex min-h-9 flex-wrap items-center gap-x-3 rounded-md border bg-surface-1 py-1 pr-1 pl-3',
        isBad && 'border-bad',
      )}
    >
      <span className="w-12 text-sm text-fg-3 numbers">NIC {at + 1}</span>
      <span className="min-w-0 flex-1 font-mono text-sm">
        {name}
        <span className="text-fg-3">
          {lan ? ` (${lan.vlan})` : isNumber ? '' : vlan === '' ? ' (new, any number)' : ` (new, ${vlan})`}
        </span>
      </span>
      <button
        type="button"
        aria-label={`Remove NIC ${at + 1}, on ${name}`}
        onClick={onRemove}
        className="flex size-7 items-center justify-center rounded-md text-fg-3 hover:bg-surface-2 hover:text-fg-1 max-md:size-9"
      >
        <X aria-hidden="true" className="size-4" />
      </button>
    </li>
  );
}
