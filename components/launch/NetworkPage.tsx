'use client';
// The second step: the NICs, each on a VLAN of the namespace that is there, or on a new one.
import { Plus, X } from 'lucide-react';
import { lazy, Suspense, useMemo, useState, type ReactElement } from 'react';
import { countOf } from '../../lib/format.ts';
import { Button } from '../ui/Button.tsx';
import { cx } from '../ui/cx.ts';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Select } from '../ui/Select.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import type { PageProps } from '../wizard/wizard.ts';
import { lansOf, type LanChoice } from './cluster-facts.ts';
import type { LaunchValues } from './launch-values.ts';
import { findNewLanIssue } from './new-lan.ts';
import { useClusterRows } from './use-cluster-rows.ts';

const LaunchDhcp = lazy(async () => ({ default: (await import('./LaunchDhcp.tsx')).LaunchDhcp }));
/** One press makes it where a namespace has no VLAN. */
const usualLan = 'lan';

export function NetworkPage({ form, set, issue }: PageProps<LaunchValues>): ReactElement {
  const rows = useClusterRows();
  const namespace = form.namespace.trim();
  const lans = useMemo(() => lansOf(rows, namespace), [rows, namespace]);
  const alias = form.newLan;
  const setAlias = (text: string) => set('newLan', text);
  const [vlan, setVlan] = useState('');
  const found = findNewLanIssue({ alias: alias.trim(), vlan: vlan.trim() }, { rows, lans, chosen: form });
  const add = () => {
    const name = alias.trim();
    if (name === '' || found !== null) return;
    set('networks', [...form.networks, name]);
    set('vlans', { ...form.vlans, [name]: vlan.trim() });
    setAlias('');
    setVlan('');
  };
  const toggle = (name: string) => {
    const isOn = form.networks.includes(name);
    set('networks', isOn ? form.networks.filter((each) => each !== name) : [...form.networks, name]);
  };
  const onEnter = (event: { key: string; preventDefault: () => void }) => {
    if (event.key !== 'Enter' || alias.trim() === '') return;
    event.preventDefault();
    add();
  };
  const nicIssue = form.networks.map((_, at) => issue(`networks.${at}`)).find(Boolean) ?? '';
  const listIssue = issue('networks') || nicIssue || issue('vlans');
  return (
    <>
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
                onRemove={() => {
                  toggle(name);
                }}
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
      {form.networks.length === 0 ? null : (
        <Suspense fallback={<SkeletonRows label="DHCP is loading" count={1} />}>
          <LaunchDhcp networks={form.networks} lans={lans} rows={rows} namespace={namespace} />
        </Suspense>
      )}
      <section aria-label={`VLANs of ${namespace}`} className="flex flex-col gap-2">
        <h3 className="text-sm font-medium text-fg-2">
          VLANs of <span className="font-mono">{namespace || 'the namespace'}</span>
        </h3>
        {lans.length === 0 ? (
          <div className="flex flex-wrap items-center gap-x-3 gap-y-2 text-sm text-fg-3">
            It has none yet.
            {form.networks.length > 0 ? null : (
              <Button
                size="sm"
                icon={<Plus aria-hidden="true" className="size-4" />}
                onClick={() => set('networks', [usualLan])}
              >
                Make one called <span className="font-mono">{usualLan}</span>
              </Button>
            )}
          </div>
        ) : (
          <div className="flex flex-wrap gap-1.5">
            {lans.map((lan) => (
              <LanChip
                key={`${lan.vlan} ${lan.alias}`}
                lan={lan}
                isChosen={form.networks.includes(lan.alias)}
                onToggle={() => {
                  toggle(lan.alias);
                }}
              />
            ))}
          </div>
        )}
      </section>
      <section aria-label="A new VLAN" className="flex flex-col gap-2">
        <h3 className="text-sm font-medium text-fg-2">A new VLAN</h3>
        <div className="grid items-start gap-2 sm:grid-cols-[minmax(0,1fr)_9rem_auto]">
          <Field
            label="Name, or the number of a VLAN"
            name="newLan"
            error={found?.field === 'alias' ? found.message : issue('newLan')}
            hint="Such as lan. A number alone joins that VLAN as it is."
          >
            <Input
              isMono
              placeholder="lan"
              value={alias}
              onKeyDown={onEnter}
              onChange={(event) => {
                setAlias(event.target.value);
              }}
            />
          </Field>
          <Field label="Number" error={found?.field === 'vlan' ? found.message : ''} hint="Empty: any that is free.">
            <Input
              isMono
              inputMode="numeric"
              placeholder="any"
              value={vlan}
              onKeyDown={onEnter}
              onChange={(event) => {
                setVlan(event.target.value);
              }}
            />
          </Field>
          <Button
            className="sm:mt-6"
            icon={<Plus aria-hidden="true" className="size-4" />}
            disabledReason={alias.trim() === '' ? 'Give it a name first.' : (found?.message ?? '')}
            onClick={add}
          >
            Add
          </Button>
        </div>
      </section>
      <Field label="Model of the NICs" name="nic" error={issue('nic')}>
        <Select
          value={form.nic}
          onValueChange={(nic) => {
            set('nic', nic);
          }}
          options={[
            { value: 'virtio-net-pci', label: 'virtio', hint: 'Fast; Linux and the BSDs know it' },
            { value: 'e1000', label: 'Intel e1000', hint: 'Any guest knows it' },
          ]}
        />
      </Field>
    </>
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

function LanChip({
  lan,
  isChosen,
  onToggle,
}: {
  lan: LanChoice;
  isChosen: boolean;
  onToggle: () => void;
}): ReactElement {
  return (
    <button
      type="button"
      aria-pressed={isChosen}
      onClick={onToggle}
      className={cx(
        'inline-flex min-h-8 items-center gap-2 rounded-md border px-2.5 text-sm transition-colors max-md:min-h-10',
        isChosen ? 'border-accent bg-accent-soft' : 'border-line-strong bg-surface-1 hover:bg-surface-2',
      )}
    >
      <span className="font-mono font-medium">{lan.alias}</span>
      <span className="font-mono text-fg-3">{lan.vlan}</span>
      <span className="text-fg-2">{lan.vms === 0 ? 'no VMs' : countOf(lan.vms, 'VM')}</span>
    </button>
  );
}
