'use client';
// The launch wizard: what the VMs are, their networks, how many and where; then a plan to look at, and a run that can be undone. The form is the
// planner's (core/plans/vms).
import Link from 'next/link';
import { lazy, useMemo, useState, type ReactElement } from 'react';
import { launchKind } from '../../core/plans/kinds.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Button } from '../ui/Button.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { noSecrets } from '../wizard/form-values.ts';
import type { Wizard } from '../wizard/wizard.ts';
import { WizardShell } from '../wizard/WizardShell.tsx';
import { imagesOf } from './cluster-facts.ts';
import { countNames } from './count-names.ts';
import { issuesIn, noValues, toForm, type LaunchValues } from './launch-values.ts';
import { LaunchOutlook } from './LaunchOutlook.tsx';
import { NetworkPage } from './NetworkPage.tsx';
import { PlacesPage } from './PlacesPage.tsx';
import { startValues, type StartValues } from './start-values.ts';
import { TransfersProvider } from './uploads.tsx';
import { useClusterRows } from './use-cluster-rows.ts';
import { WhatPage } from './WhatPage.tsx';

// With the plan, which stands in the shell's own Suspense.
const LaunchPlanPanel = lazy(async () => ({ default: (await import('./LaunchPlanPanel.tsx')).LaunchPlanPanel }));

export function LaunchWizard(): ReactElement {
  const status = useFleetPart((state) => state.status);
  const cluster = useCluster();
  if (status === 'loading') return <SkeletonRows label="The cluster is loading" />;
  if (cluster === null) {
    return (
      <EmptyState title="There is no cluster yet" action={<Button render={<Link href="/deploy" />}>Deploy one</Button>}>
        VMs run on the nodes of a cluster.
      </EmptyState>
    );
  }
  return (
    <TransfersProvider key={cluster.Id} cluster={cluster.Id}>
      <WizardOf cluster={cluster.Id} />
    </TransfersProvider>
  );
}

function WizardOf({ cluster }: { readonly cluster: string }): ReactElement {
  const url = useUrlState();
  const [namespace, disk, vlan] = [url.get('namespace'), url.get('disk'), url.get('vlan')];
  const rows = useClusterRows();
  // As the files are when it opens: what comes later changes nothing that one has seen.
  const [start] = useState(() => startValues(imagesOf(rows)));
  const wizard = useMemo(
    () => launchWizard({ cluster, namespace, disk, vlan, start }),
    [cluster, namespace, disk, vlan, start],
  );
  return <WizardShell key={`${namespace} ${disk} ${vlan}`} wizard={wizard} />;
}

/** What a link may say already: `/launch?namespace=lab&disk=web.qcow2`. */
interface Given {
  readonly cluster: string;
  readonly namespace: string;
  readonly disk: string;
  readonly vlan: string;
  readonly start: StartValues;
}

export function launchWizard({ cluster, namespace, disk, vlan, start }: Given): Wizard<LaunchValues> {
  return {
    kind: launchKind,
    initial: {
      ...noValues,
      ...start,
      cluster,
      namespace,
      ...(disk === '' ? {} : { boot: 'disk', disks: [disk] }),
      networks: vlan === '' ? [] : [vlan],
    },
    pages: [
      {
        key: 'what',
        title: 'What',
        fields: [
          ...['namespace', 'disks', 'disks[]', 'kernel', 'initrd', 'append', 'cdrom', 'writesImage'],
          ...['memory', 'vcpus', 'serialPorts', 'tags'],
        ],
        render: (page) => <WhatPage {...page} />,
      },
      {
        key: 'network',
        title: 'Network',
        fields: ['networks', 'networks[]', 'vlans', 'newLan', 'nic'],
        render: (page) => <NetworkPage {...page} />,
      },
      {
        key: 'places',
        title: 'How many, where',
        fields: ['names', 'nodes', 'place', 'atOnce', 'keepGoing', 'paused'],
        render: (page) => <PlacesPage {...page} />,
      },
    ],
    check: (form) => issuesIn(form),
    toForm,
    toSecrets: noSecrets,
    outlook: (form) => <LaunchOutlook form={form} />,
    planning: (form) => `Asking the nodes what they have for ${countNames(form.names)}`,
    besidePlan: (plan) => <LaunchPlanPanel plan={plan} />,
  };
}
