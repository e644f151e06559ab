'use client';
// The bridge wizard: which nodes, which NIC of each and how it comes back at boot; then a plan to look at, and a run that no node
// can be lost to. The form is the planner's (core/plans/bridge).
import { lazy, useMemo, type ReactElement } from 'react';
import { bridgeKind } from '../../core/plans/kinds.ts';
import { BridgeForm, defaultBridge } from '../../core/plans/bridge/plan/inputs.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Checkbox } from '../ui/Checkbox.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Select } from '../ui/Select.tsx';
import { issuesOf, namesIn, textInput, textOf } from '../wizard/form-values.ts';
import { Outlook } from '../wizard/Outlook.tsx';
import type { FormValues } from '../wizard/wizard-state.ts';
import type { PageProps, Wizard } from '../wizard/wizard.ts';
import { WizardShell } from '../wizard/WizardShell.tsx';
import { NodeUplinks } from './NodeUplinks.tsx';
import { uplinksOf, withUplink } from './uplinks.ts';

// With the plan, which stands in the shell's own Suspense.
const BridgePlanPanel = lazy(async () => ({ default: (await import('./BridgePlanPanel.tsx')).BridgePlanPanel }));

export function BridgeWizard(): ReactElement {
  const nodes = useUrlState().get('nodes');
  const wizard = useMemo(() => bridgeWizard(nodes), [nodes]);
  return <WizardShell key={nodes} wizard={wizard} />;
}

export function bridgeWizard(nodes: string): Wizard {
  return {
    kind: bridgeKind,
    initial: {
      nodes,
      bridge: defaultBridge,
      uplink: 'auto',
      uplinks: {},
      method: 'auto',
      datapath: 'auto',
      hold: false,
      window: '120',
      atOnce: '16',
      rebootCanary: false,
      restartIfStuck: false,
    },
    pages: [
      {
        key: 'nodes',
        title: 'Nodes and NIC',
        fields: ['nodes', 'bridge', 'uplink', 'uplinks'],
        render: (props) => <NodesPage {...props} />,
      },
      {
        key: 'method',
        title: 'Method and safety',
        fields: ['method', 'datapath', 'hold', 'window', 'atOnce', 'restartIfStuck', 'rebootCanary'],
        render: (props) => <MethodPage {...props} />,
      },
    ],
    check: (form) => {
      const range = parseRange(textOf(form, 'nodes'));
      const listed = range.ok ? [] : [{ field: 'nodes', message: range.message }];
      return [...listed, ...issuesOf(BridgeForm, toForm(form)).filter(({ field }) => range.ok || field !== 'nodes')];
    },
    toForm,
    toSecrets: (): Record<string, string> => ({}),
    outlook: (form) => <BridgeOutlook form={form} />,
    planning: (form) => `Looking at the network of ${textOf(form, 'nodes').trim()}`,
    besidePlan: (plan, { form, set }) => (
      <BridgePlanPanel
        plan={plan}
        uplinks={uplinksOf(form)}
        onUplink={(node, nic) => {
          set('uplinks', withUplink(uplinksOf(form), node, nic));
        }}
      />
    ),
  };
}

function toForm(form: FormValues): Record<string, unknown> {
  return {
    ...form,
    nodes: textOf(form, 'nodes').trim(),
    bridge: textOf(form, 'bridge').trim(),
    uplink: textOf(form, 'uplink').trim() === '' ? 'auto' : textOf(form, 'uplink').trim(),
    uplinks: uplinksOf(form),
    times: form['restartIfStuck'] === true ? { reboot: 300 } : {},
  };
}

function NodesPage({ form, set, issue, refusal }: PageProps): ReactElement {
  return (
    <>
      <Field
        label="Nodes"
        name="nodes"
        error={issue('nodes')}
        hint="A node range. They must have the console’s key: add them first."
      >
        <Input isMono placeholder="node[1-4]" {...textInput({ form, set }, 'nodes')} />
      </Field>
      <Field
        label="Uplink"
        name="uplink"
        error={issue('uplink') || issue('uplinks')}
        hint="The NIC that goes into the bridge on each node. auto takes the one that the console logs in through. To choose for one node, use the plan, or this field if the plan was refused."
      >
        <Input isMono {...textInput({ form, set }, 'uplink')} />
      </Field>
      <NodeUplinks
        uplinks={uplinksOf(form)}
        refusal={refusal}
        onUplink={(node, nic) => {
          set('uplinks', withUplink(uplinksOf(form), node, nic));
        }}
      />
      <Field
        label="Bridge"
        name="bridge"
        error={issue('bridge')}
        hint="VMs are attached to it. minimega and meshd expect mega_bridge."
      >
        <Input isMono {...textInput({ form, set }, 'bridge')} />
      </Field>
    </>
  );
}

function MethodPage({ form, set, issue }: PageProps): ReactElement {
  return (
    <>
      <Field
        label="How it comes back at boot"
        name="method"
        error={issue('method')}
        hint="Automatic: by the tool that configures the NIC now."
      >
        <Select
          value={textOf(form, 'method')}
          onValueChange={(value) => {
            set('method', value);
          }}
          options={[
            { value: 'auto', label: 'As the NIC’s owner does it' },
            { value: 'ifupdown', label: '/etc/network/interfaces', hint: 'The guide’s second way, with both stanzas' },
            { value: 'commands', label: 'Commands and a boot unit', hint: 'The guide’s first way; any owner lets go' },
            { value: 'networkd', label: 'systemd-networkd files', hint: 'Where networkd owns the NIC' },
          ]}
        />
      </Field>
      <Field label="Datapath" name="datapath" error={issue('datapath')}>
        <Select
          value={textOf(form, 'datapath')}
          onValueChange={(value) => {
            set('datapath', value);
          }}
          options={[
            { value: 'auto', label: 'The kernel’s, where its module is there' },
            { value: 'system', label: 'The kernel’s' },
            { value: 'netdev', label: 'In user space', hint: 'Works without the module, and is slower' },
          ]}
        />
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field
          label="Window, in seconds"
          name="window"
          error={issue('window')}
          hint="Reverts after this time unless confirmed. Use 300 where the switch does spanning tree or LACP."
        >
          <Input isMono inputMode="numeric" {...textInput({ form, set }, 'window')} />
        </Field>
        <Field
          label="Nodes at once"
          name="atOnce"
          error={issue('atOnce')}
          hint="First one, then 1, 2, 4 … up to this many; the head last."
        >
          <Input isMono inputMode="numeric" {...textInput({ form, set }, 'atOnce')} />
        </Field>
      </div>
      <Checkbox
        checked={form['hold'] === true}
        onCheckedChange={(isHeld) => {
          set('hold', isHeld);
        }}
        label="Hold each node for me"
        hint="It is kept only when somebody says keep. Otherwise it is kept as soon as it was seen from outside."
      />
      <Checkbox
        checked={form['restartIfStuck'] === true}
        onCheckedChange={(isWanted) => {
          set('restartIfStuck', isWanted);
        }}
        label="Restart a node whose rollback fails"
        hint="Five minutes after the failed rollback, unless the node is fixed by then. Its next start undoes the rest. Its VMs end."
      />
      <Checkbox
        checked={form['rebootCanary'] === true}
        onCheckedChange={(isWanted) => {
          set('rebootCanary', isWanted);
        }}
        label="Reboot the first node to prove it"
        hint={
          issue('rebootCanary') === '' ? (
            'It takes down everything that runs there, VMs included. The run names them and asks before; never the head or the console’s machine.'
          ) : (
            <span role="alert" className="text-bad">
              {issue('rebootCanary')}
            </span>
          )
        }
      />
    </>
  );
}

function BridgeOutlook({ form }: { form: FormValues }): ReactElement {
  return (
    <Outlook
      names={namesIn(form, 'nodes')}
      does={[
        'A rehearsal without the NIC finds most faults of Open vSwitch',
        'Addresses, routes and files are saved, and the rollback is armed on the node itself',
        `The NIC goes into ${textOf(form, 'bridge') || 'the bridge'} in one transaction, its addresses with it`,
        'It is looked at from inside, then from outside: by the console over a new connection, and by another node',
        'Only then it is kept, and made to come back at boot',
      ]}
    >
      <p className="text-sm text-fg-2">
        If no other machine reaches the node again, it reverts the change on its own, even when this console, meshd and
        the network are gone.
      </p>
    </Outlook>
  );
}
