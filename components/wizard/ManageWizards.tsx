'use client';
// Wizards about nodes that the console knows: remove one, put a reinstalled machine in its place, give all a new key. Each
// has one page; what destroys asks to type the name.
import { useMemo, type ReactElement } from 'react';
import { RemoveNodeForm, ReplaceNodeForm, RotateKeyForm } from '../../core/plans/manage-nodes.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { issuesOf, textInput, textOf } from './form-values.ts';
import { hostKeysOf } from './host-keys.ts';
import { HostKeysPanel } from './HostKeysPanel.tsx';
import { Outlook } from './Outlook.tsx';
import type { FormValues, Issue } from './wizard-state.ts';
import { type PageProps, type Wizard, WizardShell } from './WizardShell.tsx';

export function RemoveNodeWizard(): ReactElement {
  const node = useUrlState().get('node');
  const wizard = useMemo(() => removeNodeWizard(node), [node]);
  return <WizardShell key={node} wizard={wizard} />;
}

export function ReplaceNodeWizard(): ReactElement {
  const node = useUrlState().get('node');
  const wizard = useMemo(() => replaceNodeWizard(node), [node]);
  return <WizardShell key={node} wizard={wizard} />;
}

export function RotateKeyWizard(): ReactElement {
  const nodes = useUrlState().get('nodes');
  const wizard = useMemo(() => rotateKeyWizard(nodes), [nodes]);
  return <WizardShell wizard={wizard} />;
}

export function removeNodeWizard(node: string): Wizard {
  return {
    kind: 'remove-node',
    title: 'Remove node',
    initial: { node, confirm: '' },
    pages: [
      {
        key: 'node',
        title: 'Node',
        fields: ['node', 'confirm'],
        render: (props) => (
          <>
            <Notice state="warn" title="What goes with it">
              Its place in the mesh, meshd with the node&rsquo;s identity, and the console&rsquo;s key on it. VMs that
              run there lose their manager. A node that is off is shut out and forgotten.
            </Notice>
            <NameAndConfirm {...props} />
          </>
        ),
      },
    ],
    check: (form) => [...issuesOf(RemoveNodeForm, trimmed(form)), ...confirmIssues(form)],
    toForm: trimmed,
    toSecrets: (): Record<string, string> => ({}),
    outlook: (form) => (
      <Outlook
        count={textOf(form, 'node').trim() === '' ? '' : '1 node'}
        nodes={textOf(form, 'node').trim()}
        does={[
          'It is revoked in the mesh',
          'meshd is stopped and its files are deleted',
          'Our keys are taken away',
          'The console forgets it',
        ]}
      />
    ),
    planning: (form) => `Looking at ${textOf(form, 'node').trim()}`,
  };
}

export function replaceNodeWizard(node: string): Wizard {
  return {
    kind: 'replace-node',
    title: 'Replace node',
    initial: { node, confirm: '', user: 'root', port: '22' },
    pages: [
      {
        key: 'node',
        title: 'Node',
        fields: ['node', 'confirm', 'user', 'port', 'password'],
        render: (props) => <ReplacePage {...props} />,
      },
    ],
    check: (form) => [...issuesOf(ReplaceNodeForm, trimmed(form)), ...confirmIssues(form)],
    toForm: trimmed,
    toSecrets: (form, secrets): Record<string, string> => {
      const password = secrets['password'] ?? '';
      return password === '' ? {} : { [`password:${textOf(form, 'user')}`]: password };
    },
    outlook: (form) => (
      <Outlook
        count={textOf(form, 'node').trim() === '' ? '' : '1 node'}
        nodes={textOf(form, 'node').trim()}
        does={[
          'The old and the new host key are shown',
          'The new one is pinned once you agree',
          "The console's key is installed and proved",
          'A look at the machine',
        ]}
      />
    ),
    planning: (form) => `Reading the host key of ${textOf(form, 'node').trim()}`,
    besidePlan: (plan) => <HostKeysPanel keys={hostKeysOf(plan)} />,
    consent: (plan) => `I know that ${plan.steps[0]?.node ?? 'it'} was reinstalled, and have compared its new host key`,
  };
}

export function rotateKeyWizard(nodes: string): Wizard {
  return {
    kind: 'rotate-key',
    title: 'New console key',
    initial: { nodes },
    pages: [
      {
        key: 'nodes',
        title: 'Nodes',
        fields: ['nodes'],
        render: ({ form, set, issue }) => (
          <Field
            label="Nodes"
            name="nodes"
            error={issue('nodes')}
            hint="A node range; empty: all nodes that the console knows."
          >
            <Input isMono placeholder="all" {...textInput({ form, set }, 'nodes')} />
          </Field>
        ),
      },
    ],
    check: (form) => {
      const range = parseRange(textOf(form, 'nodes'));
      const listed = range.ok ? [] : [{ field: 'nodes', message: range.message }];
      return [...listed, ...issuesOf(RotateKeyForm, form)];
    },
    toForm: (form) => ({ ...form }),
    toSecrets: (): Record<string, string> => ({}),
    outlook: (form) => (
      <Outlook
        count={textOf(form, 'nodes').trim() === '' ? 'all nodes' : 'these nodes'}
        nodes={textOf(form, 'nodes').trim()}
        does={[
          'A new key is installed beside the old one',
          'A new login by it proves it',
          'Only then the old key is revoked',
        ]}
      />
    ),
    planning: () => 'Making a key and looking at the nodes',
  };
}

function ReplacePage(props: PageProps): ReactElement {
  const { form, secrets, set, setSecret, issue } = props;
  return (
    <>
      <p className="text-fg-2">For a machine that was reinstalled under its old name: it shows another host key now.</p>
      <NameAndConfirm {...props} />
      <div className="grid gap-4 sm:grid-cols-[1fr_7rem]">
        <Field label="User" name="user" error={issue('user')}>
          <Input isMono autoComplete="off" {...textInput({ form, set }, 'user')} />
        </Field>
        <Field label="SSH port" name="port" error={issue('port')}>
          <Input isMono inputMode="numeric" {...textInput({ form, set }, 'port')} />
        </Field>
      </div>
      <Field
        label={`Password of ${textOf(form, 'user')}`}
        name="password"
        error={issue('password')}
        hint="In memory only, until the run ends."
      >
        <Input
          type="password"
          autoComplete="off"
          value={secrets['password'] ?? ''}
          onChange={(event) => {
            setSecret('password', event.target.value);
          }}
        />
      </Field>
    </>
  );
}

function NameAndConfirm({ form, set, issue }: PageProps): ReactElement {
  return (
    <>
      <Field label="Node" name="node" error={issue('node')}>
        <Input isMono {...textInput({ form, set }, 'node')} />
      </Field>
      <Field label="Its name once more, to be sure" name="confirm" error={issue('confirm')}>
        <Input isMono autoComplete="off" {...textInput({ form, set }, 'confirm')} />
      </Field>
    </>
  );
}

function trimmed(form: FormValues): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(form).map(([field, value]) => [field, typeof value === 'string' ? value.trim() : value]),
  );
}

function confirmIssues(form: FormValues): Issue[] {
  const node = textOf(form, 'node').trim();
  return node !== '' && textOf(form, 'confirm').trim() !== node
    ? [{ field: 'confirm', message: `Type ${node} to confirm.` }]
    : [];
}
