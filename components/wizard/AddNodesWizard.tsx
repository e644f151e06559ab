'use client';
// Add nodes: from bare machines with a password to nodes that take the console's key. The form is the planner's
// (core/plans/nodes/add-nodes); this file gives it fields and words.
import { useMemo, type ReactElement } from 'react';
import { addNodesKind } from '../../core/plans/kinds.ts';
import { AddNodesForm } from '../../core/plans/nodes/add-nodes.ts';
import { adviseOnNames, parseNodeList } from '../../core/plans/targets.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Checkbox } from '../ui/Checkbox.tsx';
import { Field } from '../ui/Field.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Textarea } from '../ui/Textarea.tsx';
import { firstLogin, isByKey, loginFields, loginIssues, loginSecrets } from './first-login.ts';
import { FirstLogin } from './FirstLogin.tsx';
import { issuesOf, textOf } from './form-values.ts';
import { hostKeysOf, newKeys } from './host-keys.ts';
import { HostKeysPanel } from './HostKeysPanel.tsx';
import { Outlook } from './Outlook.tsx';
import type { FormValues } from './wizard-state.ts';
import type { PageProps, Wizard } from './wizard.ts';
import { WizardShell } from './WizardShell.tsx';

export function AddNodesWizard(): ReactElement {
  const { get } = useUrlState();
  const [nodes, port, install] = [get('nodes'), get('port'), get('install')];
  const wizard = useMemo(() => addNodesWizard({ nodes, port, install }), [nodes, port, install]);
  // A link with other values starts a new wizard.
  return <WizardShell key={`${nodes} ${port} ${install}`} wizard={wizard} />;
}

/** What a link from elsewhere may fill in (fleet/check-path.ts). */
export function addNodesWizard({
  nodes,
  port,
  install,
}: Readonly<Record<'nodes' | 'port' | 'install', string>>): Wizard {
  return {
    kind: addNodesKind,
    initial: {
      nodes,
      ...firstLogin,
      ...(port === '' ? {} : { port }),
      install: install !== 'no',
      allowRootKey: false,
      disablePasswords: false,
    },
    pages: [
      { key: 'nodes', title: 'Nodes', fields: ['nodes'], render: (props) => <NodesPage {...props} /> },
      {
        key: 'login',
        title: 'First login',
        fields: loginFields,
        render: (props) => <LoginPage {...props} />,
      },
      {
        key: 'options',
        title: 'Options',
        fields: ['install', 'allowRootKey', 'disablePasswords'],
        render: (props) => <OptionsPage {...props} />,
      },
    ],
    check: (form, secrets) => {
      const list = parseNodeList(textOf(form, 'nodes'));
      const listed = list.ok ? [] : [{ field: 'nodes', message: list.message }];
      return [...listed, ...issuesOf(AddNodesForm, form), ...loginIssues(form, secrets)];
    },
    toForm: (form) => ({ ...form }),
    toSecrets: loginSecrets,
    outlook: (form) => <AddOutlook form={form} />,
    planning: (form) => {
      const count = countNodes(form);
      return `Reaching ${count === 1 ? 'the node' : `${count} nodes`} and reading host keys`;
    },
    besidePlan: (plan) => <HostKeysPanel keys={hostKeysOf(plan)} />,
    consent: (plan) => {
      const fresh = newKeys(hostKeysOf(plan));
      if (fresh.length === 0) return null;
      return `I have looked at the host ${fresh.length === 1 ? 'key' : 'keys'} of ${describeRange(fresh.map(({ node }) => node))}: pin ${fresh.length === 1 ? 'it' : 'them'}`;
    },
  };
}

function countNodes(form: FormValues): number {
  const list = parseNodeList(textOf(form, 'nodes'));
  return list.ok ? list.nodes.length : 0;
}

function NodesPage({ form, set, issue }: PageProps): ReactElement {
  const text = textOf(form, 'nodes');
  const list = useMemo(() => parseNodeList(text), [text]);
  const advice = list.ok ? adviseOnNames(list.nodes.map(({ name }) => name)) : null;
  const scanned = list.ok ? list.nodes.filter(({ isScanned }) => isScanned).length : 0;
  return (
    <>
      <Field
        label="Nodes"
        name="nodes"
        error={issue('nodes')}
        hint={
          text.trim() === ''
            ? 'A node range, a pasted list of names, addresses or name=address, or a block of addresses to be scanned.'
            : list.ok
              ? `${list.nodes.length === 1 ? '1 node' : `${list.nodes.length} nodes`}${scanned > 0 ? `, ${scanned} of them to be scanned: those that do not answer are left out` : ''}`
              : list.message
        }
      >
        <Textarea
          isMono
          rows={6}
          placeholder={'node[1-4]\nstorage=10.0.0.9\n10.0.0.0/28'}
          value={text}
          onChange={(event) => {
            set('nodes', event.target.value);
          }}
        />
      </Field>
      {advice === null ? null : <Notice state="warn">{advice}</Notice>}
    </>
  );
}

function LoginPage(page: PageProps): ReactElement {
  return (
    <>
      <p className="text-fg-2">
        Who logs in the first time: root, or any user with sudo. Afterwards the console logs in as root with its own
        key.
      </p>
      <FirstLogin
        page={page}
        passwordHint="The same on all of them; another one is asked for where it is refused. In memory only, until the run ends. Leave it empty where the console's key lets it in already."
      />
    </>
  );
}

function OptionsPage({ form, set }: PageProps): ReactElement {
  const box = (field: string, label: string, hint: string) => (
    <Checkbox
      checked={form[field] === true}
      onCheckedChange={(isChecked) => {
        set(field, isChecked);
      }}
      label={label}
      hint={hint}
    />
  );
  return (
    <div className="flex flex-col gap-4">
      {box(
        'install',
        'Install what is missing',
        'Open vSwitch, QEMU, dnsmasq and tcpdump, with apt. Without it the look at the machine says what to install.',
      )}
      {box(
        'allowRootKey',
        'Let root log in by key where sshd forbids root',
        'Writes one file below /etc/ssh/sshd_config.d; passwords of root stay as they are.',
      )}
      {box(
        'disablePasswords',
        'Offer to switch password login off',
        'Asks per node, after the key has worked twice. Afterwards only people with a key there can log in.',
      )}
    </div>
  );
}

function AddOutlook({ form }: { form: FormValues }): ReactElement {
  const list = parseNodeList(textOf(form, 'nodes'));
  const names = list.ok ? list.nodes.map(({ name }) => name) : [];
  return (
    <Outlook
      names={names}
      does={[
        'Its host key is shown, and pinned once you agree',
        `A login as ${textOf(form, 'user') || 'root'}${isByKey(form) ? ' by your key' : ''} installs the console's key for root`,
        ...(form['allowRootKey'] === true ? ['sshd lets root in by key'] : []),
        'A new login by that key proves it',
        'A look at the machine: KVM, Open vSwitch, disk, clock, names',
        ...(form['install'] === true ? ['Missing packages are installed'] : []),
        ...(form['disablePasswords'] === true ? ['It asks whether to switch password login off'] : []),
      ]}
    />
  );
}
