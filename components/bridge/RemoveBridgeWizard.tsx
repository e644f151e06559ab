'use client';
// Removes the bridge permanently, with the same safety as when it was made. The plan names what is on it; the user types its name.
import { lazy, useMemo, type ReactElement } from 'react';
import { removeBridgeKind } from '../../core/plans/kinds.ts';
import { RemoveBridgeForm, defaultBridge } from '../../core/plans/bridge/plan/inputs.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Checkbox } from '../ui/Checkbox.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { issuesOf, namesIn, noSecrets, rangeIssues, textInput, textOf } from '../wizard/form-values.ts';
import { Outlook } from '../wizard/Outlook.tsx';
import type { FormValues, Issue } from '../wizard/wizard-state.ts';
import type { PageProps, Wizard } from '../wizard/wizard.ts';
import { WizardShell } from '../wizard/WizardShell.tsx';

// With the plan, which stands in the shell's own Suspense.
const BridgePlanPanel = lazy(async () => ({ default: (await import('./BridgePlanPanel.tsx')).BridgePlanPanel }));

export function RemoveBridgeWizard(): ReactElement {
  const url = useUrlState();
  const [nodes, bridge] = [url.get('nodes'), url.get('bridge') || defaultBridge];
  const wizard = useMemo(() => removeBridgeWizard(nodes, bridge), [nodes, bridge]);
  return <WizardShell key={`${nodes} ${bridge}`} wizard={wizard} />;
}

export function removeBridgeWizard(nodes: string, bridge: string): Wizard {
  return {
    kind: removeBridgeKind,
    initial: { nodes, bridge, confirm: '', hold: false, window: '120' },
    pages: [
      {
        key: 'nodes',
        title: 'Nodes',
        fields: ['nodes', 'bridge', 'confirm', 'hold', 'window'],
        render: (props) => <NodesPage {...props} />,
      },
    ],
    check: (form) => [
      ...rangeIssues(form, 'nodes'),
      ...issuesOf(RemoveBridgeForm, toForm(form)),
      ...confirmIssues(form),
    ],
    toForm,
    toSecrets: noSecrets,
    outlook: (form) => (
      <Outlook
        names={namesIn(form, 'nodes')}
        does={[
          'What is on the bridge is named in the plan: VMs and other ports lose their network',
          'The rollback is armed on the node itself',
          'The NIC gets its addresses back, in one transaction',
          'It is looked at from inside and from outside, and only then kept',
          'Files are as they were before the bridge',
        ]}
      />
    ),
    planning: (form) => `Looking at the network of ${textOf(form, 'nodes').trim()}`,
    besidePlan: (plan) => <BridgePlanPanel plan={plan} uplinks={{}} />,
  };
}

function toForm(form: FormValues): Record<string, unknown> {
  const text = (field: string) => textOf(form, field).trim();
  return { ...form, nodes: text('nodes'), bridge: text('bridge'), confirm: text('confirm') };
}

function confirmIssues(form: FormValues): Issue[] {
  const bridge = textOf(form, 'bridge').trim();
  return textOf(form, 'confirm').trim() === bridge ? [] : [{ field: 'confirm', message: `Type ${bridge} to confirm.` }];
}

function NodesPage({ form, set, issue }: PageProps): ReactElement {
  return (
    <>
      <Notice state="warn" title="What goes with it">
        VMs on the bridge lose their network, and nodes no longer share VLANs through this NIC. The node itself keeps
        its addresses.
      </Notice>
      <Field label="Nodes" name="nodes" error={issue('nodes')} hint="A node range.">
        <Input isMono placeholder="node[1-4]" {...textInput({ form, set }, 'nodes')} />
      </Field>
      <Field label="Bridge" name="bridge" error={issue('bridge')}>
        <Input isMono {...textInput({ form, set }, 'bridge')} />
      </Field>
      <Field label="Type its name again to confirm" name="confirm" error={issue('confirm')}>
        <Input isMono autoComplete="off" {...textInput({ form, set }, 'confirm')} />
      </Field>
      <Field
        label="Window, in seconds"
        name="window"
        error={issue('window')}
        hint="Reverts after this time unless confirmed."
      >
        <Input isMono inputMode="numeric" className="max-w-32" {...textInput({ form, set }, 'window')} />
      </Field>
      <Checkbox
        checked={form['hold'] === true}
        onCheckedChange={(isHeld) => {
          set('hold', isHeld);
        }}
        label="Hold each node for me"
        hint="It is kept only when somebody says keep."
      />
    </>
  );
}
