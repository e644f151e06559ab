'use client';
// Deploy: one head, the others by range, a context and a degree. The form is the planner's (core/plans/nodes/deploy).
import { useMemo, useState, type ReactElement } from 'react';
import { deployKind } from '../../core/plans/kinds.ts';
import { DeployForm } from '../../core/plans/nodes/deploy.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import type { MeshView } from '../fleet/mesh-view.ts';
import { useMesh } from '../fleet/use-mesh.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Notice } from '../ui/Notice.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { describeDegree } from './degree-words.ts';
import { standingOf, startOfDeploy } from './deploy-start.ts';
import { issuesOf, noSecrets, rangeIssues, textOf } from './form-values.ts';
import { Outlook } from './Outlook.tsx';
import { TextField } from './TextField.tsx';
import type { FormValues } from './wizard-state.ts';
import type { PageProps, Wizard } from './wizard.ts';
import { WizardShell } from './WizardShell.tsx';

export function DeployWizard(): ReactElement {
  const { mesh, status } = useMesh();
  if (status === 'loading') return <SkeletonRows label="The cluster is loading" />;
  return <OpenWizard mesh={mesh} />;
}

function OpenWizard({ mesh }: { mesh: MeshView }): ReactElement {
  const url = useUrlState();
  const nodes = url.get('nodes');
  const head = url.get('head');
  // As it stood when the page was opened: a cluster that forms meanwhile changes nothing under one's hands.
  const [standing] = useState(() => standingOf(mesh));
  const wizard = useMemo(() => deployWizard(startOfDeploy({ nodes, head }, standing)), [nodes, head, standing]);
  // A link that names other nodes starts a new wizard.
  return <WizardShell key={`${head} ${nodes}`} wizard={wizard} />;
}

function deployWizard(initial: FormValues): Wizard {
  return {
    kind: deployKind,
    initial,
    pages: [
      { key: 'nodes', title: 'Nodes', fields: ['head', 'nodes'], render: (props) => <NodesPage {...props} /> },
      { key: 'mesh', title: 'Mesh', fields: ['context', 'degree', 'port'], render: (props) => <MeshPage {...props} /> },
    ],
    check: (form) => {
      const missing = textOf(form, 'head').trim() === '' ? [{ field: 'head', message: 'name the head node' }] : [];
      return [
        ...missing,
        ...rangeIssues(form, 'nodes'),
        ...issuesOf(DeployForm, form).filter(({ field }) => !(field === 'head' && missing.length > 0)),
      ];
    },
    toForm: (form) => ({ ...form, head: textOf(form, 'head').trim() }),
    toSecrets: noSecrets,
    outlook: (form) => <DeployOutlook form={form} />,
    planning: (form) => `Looking at ${namesOf(form).length === 1 ? 'the node' : `${namesOf(form).length} nodes`}`,
  };
}

/** The head first, each name once. */
function namesOf(form: FormValues): string[] {
  const head = textOf(form, 'head').trim();
  const range = parseRange(textOf(form, 'nodes'));
  return [...new Set([...(head === '' ? [] : [head]), ...(range.ok ? range.names : [])])];
}

function NodesPage(page: PageProps): ReactElement {
  const text = textOf(page.form, 'nodes');
  const head = textOf(page.form, 'head').trim();
  const range = useMemo(() => parseRange(text), [text]);
  const count = range.ok ? range.names.filter((name) => name !== head).length : 0;
  return (
    <>
      <TextField
        page={page}
        name="head"
        label="Head node"
        placeholder="node1"
        hint="Holds the cluster's CA and deploys to the others. Pick a machine that stays."
      />
      <TextField
        page={page}
        name="nodes"
        label="Other nodes"
        placeholder="node[2-10]"
        hint={
          text.trim() === ''
            ? 'A node range. Nodes that were added take the console’s key already. None: the head alone.'
            : range.ok
              ? `${count === 1 ? '1 node' : `${count} nodes`} beside the head`
              : range.message
        }
      />
    </>
  );
}

function MeshPage(page: PageProps): ReactElement {
  const { form } = page;
  const degree = Number(textOf(form, 'degree').trim() === '' ? Number.NaN : textOf(form, 'degree'));
  const words = describeDegree(degree, namesOf(form).length);
  return (
    <>
      <TextField
        page={page}
        name="context"
        label="Context"
        hint="The name of the mesh. Meshes of different contexts never mix on one network."
      />
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          page={page}
          name="degree"
          label="Degree"
          inputMode="numeric"
          hint="How many links each node tries to hold; 3 is advised."
        />
        <TextField page={page} name="port" label="Mesh port" inputMode="numeric" hint="TCP, on every node." />
      </div>
      <Notice state={words.tone} role="status">
        {words.text}
      </Notice>
    </>
  );
}

function DeployOutlook({ form }: { form: FormValues }): ReactElement {
  const names = namesOf(form);
  const head = textOf(form, 'head').trim();
  const others = names.filter((name) => name !== head);
  return (
    <Outlook
      names={names}
      does={[
        `${head || 'The head'} gets its own key pair, and the pinned host keys`,
        'meshd is copied to it and started as a service',
        'The console attaches to it',
        ...(others.length === 0
          ? []
          : ['The others let the head log in', 'The head deploys meshd to them, and waits until each is in the mesh']),
      ]}
    >
      <p className="text-sm text-fg-2">
        Where meshd runs already it is upgraded, behind one canary; where it is the same, nothing is done.
      </p>
    </Outlook>
  );
}
