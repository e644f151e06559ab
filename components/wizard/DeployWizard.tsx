'use client';
// Deploy: one head, the others by range, a context and a degree. The form is the planner's (core/plans/deploy).
import { useMemo, type ReactElement } from 'react';
import { DeployForm } from '../../core/plans/deploy.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { describeDegree } from './degree-words.ts';
import { issuesOf, textInput, textOf } from './form-values.ts';
import { Outlook } from './Outlook.tsx';
import type { FormValues } from './wizard-state.ts';
import { type PageProps, type Wizard, WizardShell } from './WizardShell.tsx';

export function DeployWizard(): ReactElement {
  const url = useUrlState();
  const nodes = url.get('nodes');
  const head = url.get('head');
  const wizard = useMemo(() => deployWizard(nodes, head), [nodes, head]);
  // A link that names other nodes starts anew.
  return <WizardShell key={`${head} ${nodes}`} wizard={wizard} />;
}

/** Names in the URL fill the form: the head, else the first of them, leads. */
export function deployWizard(nodes: string, head: string): Wizard {
  const named = parseRange(nodes);
  const names = named.ok ? named.names : [];
  const leader = head !== '' ? head : (names[0] ?? '');
  return {
    kind: 'deploy',
    title: 'Deploy',
    initial: {
      head: leader,
      nodes: describeRange(names.filter((name) => name !== leader)),
      context: 'meshd',
      degree: '3',
      port: '9000',
    },
    pages: [
      { key: 'nodes', title: 'Nodes', fields: ['head', 'nodes'], render: (props) => <NodesPage {...props} /> },
      { key: 'mesh', title: 'Mesh', fields: ['context', 'degree', 'port'], render: (props) => <MeshPage {...props} /> },
    ],
    check: (form) => {
      const range = parseRange(textOf(form, 'nodes'));
      const missing = textOf(form, 'head').trim() === '' ? [{ field: 'head', message: 'name the head node' }] : [];
      const listed = range.ok ? [] : [{ field: 'nodes', message: range.message }];
      return [
        ...missing,
        ...listed,
        ...issuesOf(DeployForm, form).filter(({ field }) => !(field === 'head' && missing.length > 0)),
      ];
    },
    toForm: (form) => ({ ...form, head: textOf(form, 'head').trim() }),
    toSecrets: (): Record<string, string> => ({}),
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

function NodesPage({ form, set, issue }: PageProps): ReactElement {
  const text = textOf(form, 'nodes');
  const range = useMemo(() => parseRange(text), [text]);
  const count = range.ok ? range.names.filter((name) => name !== textOf(form, 'head').trim()).length : 0;
  return (
    <>
      <Field
        label="Head node"
        name="head"
        error={issue('head')}
        hint="Holds the cluster's CA and deploys to the others. Pick a machine that stays."
      >
        <Input isMono placeholder="node1" {...textInput({ form, set }, 'head')} />
      </Field>
      <Field
        label="Other nodes"
        name="nodes"
        error={issue('nodes')}
        hint={
          text.trim() === ''
            ? 'A node range. Nodes that were added take the console’s key already. None: the head alone.'
            : range.ok
              ? `${count === 1 ? '1 node' : `${count} nodes`} beside the head`
              : range.message
        }
      >
        <Input
          isMono
          placeholder="node[2-10]"
          value={text}
          onChange={(event) => {
            set('nodes', event.target.value);
          }}
        />
      </Field>
    </>
  );
}

function MeshPage({ form, set, issue }: PageProps): ReactElement {
  const degree = Number(textOf(form, 'degree').trim() === '' ? Number.NaN : textOf(form, 'degree'));
  const words = describeDegree(degree, namesOf(form).length);
  return (
    <>
      <Field
        label="Context"
        name="context"
        error={issue('context')}
        hint="The name of the mesh. Meshes of different contexts never mix on one network."
      >
        <Input isMono {...textInput({ form, set }, 'context')} />
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field
          label="Degree"
          name="degree"
          error={issue('degree')}
          hint="How many links each node tries to hold; 3 is advised."
        >
          <Input isMono inputMode="numeric" {...textInput({ form, set }, 'degree')} />
        </Field>
        <Field label="Mesh port" name="port" error={issue('port')} hint="TCP, on every node.">
          <Input isMono inputMode="numeric" {...textInput({ form, set }, 'port')} />
        </Field>
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
  const shown = describeRange(names.slice(0, 200));
  return (
    <Outlook
      count={names.length === 0 ? '' : names.length === 1 ? '1 node' : `${names.length} nodes`}
      nodes={names.length > 200 ? `${shown} and ${names.length - 200} more` : shown}
      does={[
        `${head || 'The head'} gets a key pair of its own, and the pinned host keys`,
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
