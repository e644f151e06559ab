'use client';
// The second step: the NICs, each on a VLAN of the namespace that is there, or on a new one.
import { Plus } from 'lucide-react';
import { lazy, Suspense, useMemo, type ReactElement } from 'react';
import { countOf } from '../../lib/format.ts';
import { Button } from '../ui/Button.tsx';
import { cx } from '../ui/cx.ts';
import { Field } from '../ui/Field.tsx';
import { Select } from '../ui/Select.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import type { PageProps } from '../wizard/wizard.ts';
import { lansOf, type LanChoice } from './cluster-facts.ts';
import type { LaunchValues } from './launch-values.ts';
import { NewLanFields } from './NewLanFields.tsx';
import { NicList } from './NicList.tsx';
import { useClusterRows } from './use-cluster-rows.ts';

const LaunchDhcp = lazy(async () => ({ default: (await import('./LaunchDhcp.tsx')).LaunchDhcp }));
/** One press makes it where a namespace has no VLAN. */
const usualLan = 'lan';

export function NetworkPage(page: PageProps<LaunchValues>): ReactElement {
  const { form, set, issue } = page;
  const rows = useClusterRows();
  const namespace = form.namespace.trim();
  const lans = useMemo(() => lansOf(rows, namespace), [rows, namespace]);
  const toggle = (name: string) => {
    const isOn = form.networks.includes(name);
    set('networks', isOn ? form.networks.filter((each) => each !== name) : [...form.networks, name]);
  };
  return (
    <>
      <NicList form={form} lans={lans} issue={issue} onRemove={toggle} />
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
      <NewLanFields fields={page} rows={rows} lans={lans} />
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
