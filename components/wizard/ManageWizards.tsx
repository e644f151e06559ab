'use client';
// Wizards about nodes that the console knows: remove some, put a reinstalled machine in its place, give all a new key. Each
// has one page; what destroys asks to type the name.
import { useMemo, type ReactElement } from 'react';
import { removeNodeKind, replaceNodeKind, rotateKeyKind } from '../../core/plans/kinds.ts';
import { ReplaceNodeForm, RotateKeyForm } from '../../core/plans/nodes/manage-nodes.ts';
import { RemoveNodesForm } from '../../core/plans/nodes/remove-nodes.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Notice } from '../ui/Notice.tsx';
import { firstLogin, loginFields, loginIssues, loginSecrets } from './first-login.ts';
import { FirstLogin } from './FirstLogin.tsx';
import { confirmIssues, issuesOf, namesIn, noSecrets, rangeIssues, textOf, trimmed } from './form-values.ts';
import { hostKeysOf } from './host-keys.ts';
import { HostKeysPanel } from './HostKeysPanel.tsx';
import { NameAndConfirm } from './NameAndConfirm.tsx';
import { Outlook } from './Outlook.tsx';
import { TextField } from './TextField.tsx';
import type { PageProps, Wizard } from './wizard.ts';
import { WizardShell } from './WizardShell.tsx';

export function RemoveNodesWizard(): ReactElement {
  const nodes = useUrlState().get('nodes');
  const wizard = useMemo(() => removeNodesWizard(nodes), [nodes]);
  return <WizardShell key={nodes} wizard={wizard} />;
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

export function removeNodesWizard(nodes: string): Wizard {
  return {
    kind: removeNodeKind,
    initial: { nodes, confirm: '' },
    pages: [
      {
        key: 'nodes',
        title: 'Nodes',
        fields: ['nodes', 'confirm'],
        render: (page) => (
          <>
            <Notice state="warn" title="What goes with them">
              Their place in the mesh, meshd with each node&rsquo;s identity, and the console&rsquo;s key on them. VMs
              that run there lose their manager. A node that is off is shut out and forgotten. A head goes only with all
              other nodes of its cluster, and the cluster with it.
            </Notice>
            <TextField page={page} name="nodes" label="Nodes" hint="A node range, such as node[2-4]." />
            <TextField page={page} name="confirm" label="Type the range again to confirm" autoComplete="off" />
          </>
        ),
      },
    ],
    check: (form) => [
      ...rangeIssues(form, 'nodes'),
      ...issuesOf(RemoveNodesForm, trimmed(form)),
      ...confirmIssues(form, 'nodes'),
    ],
    toForm: trimmed,
    toSecrets: noSecrets,
    outlook: (form) => (
      <Outlook
        names={namesIn(form, 'nodes')}
        does={[
          'They are revoked in the mesh',
          'meshd is stopped and its files are deleted',
          'Our keys are taken away',
          'The console forgets them',
        ]}
      />
    ),
    planning: (form) => `Looking at ${textOf(form, 'nodes').trim().slice(0, 60)}`,
  };
}

export function replaceNodeWizard(node: string): Wizard {
  return {
    kind: replaceNodeKind,
    initial: { node, confirm: '', ...firstLogin },
    pages: [
      {
        key: 'node',
        title: 'Node',
        fields: ['node', 'confirm', ...loginFields],
        render: (props) => <ReplacePage {...props} />,
      },
    ],
    check: (form, secrets) => [
      ...issuesOf(ReplaceNodeForm, trimmed(form)),
      ...confirmIssues(form, 'node'),
      ...loginIssues(form, secrets),
    ],
    toForm: trimmed,
    toSecrets: loginSecrets,
    outlook: (form) => (
      <Outlook
        names={namesIn(form, 'node')}
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
    kind: rotateKeyKind,
    initial: { nodes },
    pages: [
      {
        key: 'nodes',
        title: 'Nodes',
        fields: ['nodes'],
        render: (page) => (
          <TextField
            page={page}
            name="nodes"
            label="Nodes"
            placeholder="all"
            hint="A node range; empty: all nodes that the console knows."
          />
        ),
      },
    ],
    check: (form) => [...rangeIssues(form, 'nodes'), ...issuesOf(RotateKeyForm, form)],
    toForm: (form) => ({ ...form }),
    toSecrets: noSecrets,
    outlook: (form) => (
      <Outlook
        names={namesIn(form, 'nodes')}
        otherwise="On all nodes that have the console's key."
        does={[
          'A new key is installed beside the old one',
          'A new login by it proves it',
          'Only then the old key is revoked',
        ]}
      />
    ),
    planning: () => 'Looking up the nodes and their keys',
  };
}

function ReplacePage(page: PageProps): ReactElement {
  return (
    <>
      <p className="text-fg-2">For a machine that was reinstalled under its old name: it shows another host key now.</p>
      <NameAndConfirm page={page} />
      <FirstLogin page={page} passwordHint="In memory only, until the run ends." />
    </>
  );
}
