'use client';
// The guide's other way in, for a cluster that nobody else reaches: root without a password. Everything else here uses keys, so
// the page says first what it opens, and what to do instead.
import { useMemo, type ReactElement } from 'react';
import { passwordlessRootKind } from '../../core/plans/kinds.ts';
import { PasswordlessForm, passwordlessConfirmation } from '../../core/plans/nodes/manage-nodes.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Notice } from '../ui/Notice.tsx';
import { issuesOf, namesIn, noSecrets, rangeIssues, textOf, trimmed } from './form-values.ts';
import { Outlook } from './Outlook.tsx';
import { TextField } from './TextField.tsx';
import type { PageProps, Wizard } from './wizard.ts';
import { WizardShell } from './WizardShell.tsx';

export function PasswordlessWizard(): ReactElement {
  const nodes = useUrlState().get('nodes');
  const wizard = useMemo(() => passwordlessWizard(nodes), [nodes]);
  // A link that names other nodes starts a new wizard.
  return <WizardShell key={nodes} wizard={wizard} />;
}

export function passwordlessWizard(nodes: string): Wizard {
  return {
    kind: passwordlessRootKind,
    initial: { nodes, confirm: '' },
    pages: [
      { key: 'nodes', title: 'Nodes', fields: ['nodes', 'confirm'], render: (page) => <PasswordlessPage {...page} /> },
    ],
    check: (form) => {
      const isConfirmed = textOf(form, 'confirm').trim() === passwordlessConfirmation;
      return [
        ...(textOf(form, 'nodes').trim() === '' ? [{ field: 'nodes', message: 'name the nodes' }] : []),
        ...rangeIssues(form, 'nodes'),
        ...(isConfirmed ? [] : [{ field: 'confirm', message: `Type “${passwordlessConfirmation}” to confirm.` }]),
        ...issuesOf(PasswordlessForm, trimmed(form)).filter(({ field }) => field !== 'confirm'),
      ];
    },
    toForm: trimmed,
    toSecrets: noSecrets,
    outlook: (form) => (
      <Outlook
        names={namesIn(form, 'nodes')}
        does={[
          'Root’s password is taken away; what it was is kept on the node for the undo',
          'sshd lets root in with an empty password',
          'Undo of this run gives back what was there before, byte for byte',
        ]}
      />
    ),
    planning: () => 'Making the plan',
  };
}

function PasswordlessPage(page: PageProps): ReactElement {
  return (
    <>
      <Notice state="bad" title="Anyone who reaches port 22 of these nodes is root there">
        No password, no key, no trace of who it was. The guide offers it for a cluster whose nodes stand behind a
        front-end machine and are not accessible to the public. One laptop on that network, one VM bridged into it, is
        enough.
      </Notice>
      <p className="text-fg-2">
        Nothing in Meshdeck needs it: nodes that were added let the console in by key, and the head lets itself in to
        the others with its own key, so the guide’s commands work without it.
      </p>
      <TextField page={page} name="nodes" label="Nodes" placeholder="node[1-4]" hint="A node range." />
      <TextField
        page={page}
        name="confirm"
        label={`Type “${passwordlessConfirmation}” to confirm`}
        autoComplete="off"
      />
    </>
  );
}
