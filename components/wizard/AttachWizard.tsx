'use client';
// The wizard that attaches the console to a minimega cluster that runs already.
import { useMemo, type ReactElement } from 'react';
import { attachKind } from '../../core/plans/kinds.ts';
import { AttachForm } from '../../core/plans/minimega/attach.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Notice } from '../ui/Notice.tsx';
import { issuesOf, namesIn, noSecrets, rangeIssues, textOf, trimmed } from './form-values.ts';
import { Outlook } from './Outlook.tsx';
import { TextField } from './TextField.tsx';
import type { Wizard } from './wizard.ts';
import { WizardShell } from './WizardShell.tsx';

export function AttachWizard(): ReactElement {
  const nodes = useUrlState().get('nodes');
  const wizard = useMemo(() => attachWizard(nodes), [nodes]);
  return <WizardShell key={nodes} wizard={wizard} />;
}

export function attachWizard(nodes: string): Wizard {
  return {
    kind: attachKind,
    initial: { nodes, base: '/tmp/minimega', context: '' },
    pages: [
      {
        key: 'nodes',
        title: 'Nodes',
        fields: ['nodes', 'base', 'context'],
        render: (page) => (
          <>
            <Notice state="ok" title="minimega stays as it is">
              The console connects to its command socket through SSH. Add the machines first (Add nodes), so that their
              host keys are checked. To run Meshdeck&rsquo;s own daemon on them instead, use Deploy.
            </Notice>
            <TextField
              page={page}
              name="nodes"
              label="Nodes"
              hint="A node range. One is enough; with more, the console has another way when one fails, and reaches the consoles of their VMs."
            />
            <TextField
              page={page}
              name="base"
              label="Base folder"
              hint="minimega’s -base. Its socket is the file minimega in it."
            />
            <TextField
              page={page}
              name="context"
              label="Context"
              placeholder="any"
              hint="minimega’s -context; empty: what the nodes say."
            />
          </>
        ),
      },
    ],
    check: (form) => [...rangeIssues(form, 'nodes'), ...issuesOf(AttachForm, trimmed(form))],
    toForm: trimmed,
    toSecrets: noSecrets,
    outlook: (form) => (
      <Outlook
        names={namesIn(form, 'nodes')}
        does={[
          'minimega is asked who it is and which mesh it is in',
          'The console remembers the way to its socket',
          'Nothing is installed, started or ended there',
        ]}
      />
    ),
    planning: (form) => `Looking for minimega on ${textOf(form, 'nodes').trim().slice(0, 60)}`,
  };
}
