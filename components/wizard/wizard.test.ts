import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AddNodesForm } from '../../core/plans/nodes/add-nodes.ts';
import { checkPath } from '../fleet/check-path.ts';
import { addNodesWizard } from './AddNodesWizard.tsx';
import { describeDegree } from './degree-words.ts';
import { firstLogin, loginIssues, loginSecrets } from './first-login.ts';
import { issuesOf } from './form-values.ts';
import { hostKeysOf, newKeys } from './host-keys.ts';
import { testPlan, testStep } from './plan-for-tests.ts';
import { startOfDeploy } from './deploy-start.ts';
import { diffLines, groupNodes, readAloud, stepsByNode } from './plan-preview.ts';
import { wantedSecrets } from './plan-secrets.ts';
import {
  formText,
  hasPlan,
  issueOf,
  openWizard,
  stepWizard,
  type WizardEvent,
  type WizardState,
} from './wizard-state.ts';

function after(...events: WizardEvent[]): WizardState {
  return events.reduce(stepWizard, openWizard({ nodes: '', user: 'root' }, 3));
}

const set: WizardEvent = { do: 'set', field: 'nodes', value: 'node1' };
const plan = testPlan([testStep('pin', 'node1')]);
const planned = (events: readonly WizardEvent[]): WizardEvent => ({
  do: 'planned',
  plan,
  form: formText(after(...events)),
});

describe('a wizard', () => {
  it('loses nothing when going back: form, passwords, and the plan of the same form', () => {
    const password: WizardEvent = { do: 'secret', name: 'password', value: 'secret' };
    const state = after(set, password, planned([set, password]), { do: 'go', to: { at: 'form', page: 0 } });
    expect(state).toMatchObject({
      place: { at: 'form', page: 0 },
      form: { nodes: 'node1' },
      secrets: { password: 'secret' },
    });
    expect(hasPlan(state)).toBe(true);
    expect(stepWizard(state, { do: 'go', to: { at: 'plan' } }).place).toEqual({ at: 'plan' });
  });

  it('needs a new plan after a change, and none after the change was taken back', () => {
    const changed = after(
      set,
      planned([set]),
      { do: 'go', to: { at: 'form', page: 0 } },
      { do: 'set', field: 'user', value: 'ann' },
    );
    expect(hasPlan(changed)).toBe(false);
    expect(stepWizard(changed, { do: 'go', to: { at: 'plan' } }).place).toEqual({ at: 'form', page: 0 });
    expect(hasPlan(stepWizard(changed, { do: 'set', field: 'user', value: 'root' }))).toBe(true);
  });

  it('does not show a plan of what stood there before', () => {
    const state = after(set, { do: 'planning' }, { do: 'set', field: 'nodes', value: 'node2' }, planned([set]));
    expect(state).toMatchObject({ place: { at: 'form' }, plan: null, busy: 'none' });
  });

  it('forgets passwords when the run has them, and stays with the run', () => {
    const state = after({ do: 'secret', name: 'password', value: 'secret' }, { do: 'started', run: 'r1' });
    expect(state.secrets).toEqual({});
    expect(stepWizard(state, { do: 'go', to: { at: 'form', page: 0 } }).place).toEqual({ at: 'run', run: 'r1' });
  });

  it('has the form again after the run was left, and needs a new plan', () => {
    const state = after(set, planned([set]), { do: 'started', run: 'r1' }, { do: 'left' });
    expect(state).toMatchObject({ place: { at: 'form', page: 0 }, form: { nodes: 'node1' }, plan: null });
    expect(hasPlan(state)).toBe(false);
  });

  it('keeps its plan when a password is typed beside it', () => {
    const state = after(set, planned([set]), { do: 'plan-secret', name: 'password:root', value: 'x' });
    expect(hasPlan(state)).toBe(true);
  });

  it('keeps values of passwords out of any text', () => {
    expect(formText(after({ do: 'secret', name: 'password', value: 'hunter2' }))).not.toContain('hunter2');
  });

  it('clears the issue of the field that is edited, not those of others', () => {
    const issues = [
      { field: 'nodes', message: 'no nodes' },
      { field: 'user', message: 'no user' },
    ];
    const state = after({ do: 'issues', issues }, set);
    expect(issueOf(state, 'nodes')).toBeNull();
    expect(issueOf(state, 'user')).toBe('no user');
  });

  it('keeps what the planner said with its refusal while the form is edited, until there is a plan', () => {
    const refusal = { blocked: [] };
    const refused = after({ do: 'failed', issues: [{ field: 'nodes', message: 'blocked' }], refusal }, set);
    expect(refused.refusal).toEqual(refusal);
    expect(after({ do: 'failed', issues: [], refusal }, planned([])).refusal).toBeNull();
  });

  it('takes issues of a schema by field, the first of each', () => {
    const schema = z.object({ degree: z.coerce.number().int('whole').min(1, 'at least 1'), name: z.string() });
    expect(issuesOf(schema, { degree: '0.5', name: 'x' })).toEqual([{ field: 'degree', message: 'whole' }]);
    expect(issuesOf(schema, { degree: '3', name: 'x' })).toEqual([]);
  });
});

describe('a plan before it runs', () => {
  const nodes = ['node1', 'node2', 'node3'];
  const steps = nodes.flatMap((node) => [
    testStep('pin', node, { title: 'Pin its host key', isDone: node === 'node3' }),
    testStep('off', node, { title: 'SSH off', undo: null, ask: { question: '?', default: false, deadlineMs: 1 } }),
  ]);

  it('shows nodes with the same to do as one line', () => {
    const groups = groupNodes(testPlan([testStep('register', ''), ...steps]));
    expect(groups.map(({ label, toDo, isDone }) => [label, toDo, isDone])).toEqual([
      ['console', 1, 0],
      ['node[1-2]', 2, 0],
      ['node3', 1, 1],
    ]);
    expect([...stepsByNode(testPlan(steps)).keys()]).toEqual(nodes);
  });

  it('says of nodes that do other things in the same way only what is true of all', () => {
    const launch = (node: string, what: string) => testStep('launch', node, { title: `Launch ${what}` });
    const copy = (node: string) => testStep('copy', node, { title: 'Copy web.qcow2' });
    const of = (...names: string[]) =>
      groupNodes(
        testPlan(['node1', 'node2', 'node3'].flatMap((node, at) => [copy(node), launch(node, names[at] ?? '')])),
      );
    expect(of('web[1-3]', 'web[4-6]', 'web7').map(({ titles }) => titles)).toEqual([['Copy web.qcow2', 'Launch …']]);
    expect(of('all of it', 'all', 'all of it').map(({ titles }) => titles[1])).toEqual(['Launch all …']);
  });

  it('can be read aloud', () => {
    expect(readAloud(testPlan(steps, { title: 'Add node[1-3]', waves: [['node1'], ['node2', 'node3']] }))).toEqual([
      'Add node[1-3].',
      '5 steps to do, 1 right already.',
      'In waves, one after the other: node1; then node[2-3].',
      'When a step fails on a node, that node is left there and the others continue.',
      'It asks before it continues with node[1-3]: SSH off.',
      'Not undone by an undo: SSH off.',
    ]);
  });

  it('counts no look among what cannot be undone', () => {
    const look = testStep('observePreflight', 'node1', {
      undo: null,
      do: { action: 'observePreflight', args: {} },
    });
    expect(readAloud(testPlan([look, testStep('pin', 'node1')])).at(-1)).toBe('All of it can be undone.');
    expect(readAloud(testPlan([look])).at(-1)).toBe('It only looks: nothing is changed.');
  });

  it('says so when there is nothing to do', () => {
    expect(readAloud(testPlan([testStep('pin', 'node1', { isDone: true })])).at(-1)).toBe(
      'Everything is right already: nothing will be changed.',
    );
  });

  it('tells the lines of a diff apart', () => {
    expect(diffLines('--- /a\n+++ /a\n@@ -1 +1 @@\n-old\n+new\n same\n').map(({ kind }) => kind)).toEqual([
      'file',
      'file',
      'place',
      'removed',
      'added',
      'same',
    ]);
  });
});

describe('host keys', () => {
  const pin = (node: string, notes: readonly string[], isDone = false) =>
    testStep('pinHostKey', node, { isDone, preview: notes.map((text) => ({ kind: 'note' as const, text })) });

  it('flags nodes that show the same key', () => {
    const keys = hostKeysOf(
      testPlan([
        pin('node1', ['ssh-ed25519 SHA256:aaa']),
        pin('node2', ['ssh-ed25519 SHA256:aaa', 'ssh-rsa SHA256:bbb']),
        pin('node3', ['ssh-ed25519 SHA256:ccc'], true),
        pin('node4', ['node4 does not answer']),
        testStep('ensureKey', 'node1'),
      ]),
    );
    expect(keys.map(({ node, keys: shown }) => [node, shown.map(({ alsoOn }) => alsoOn)])).toEqual([
      ['node1', [['node2']]],
      ['node2', [['node1'], []]],
      ['node3', [[]]],
      ['node4', []],
    ]);
    expect(keys[3]!.notes).toEqual(['node4 does not answer']);
    expect(newKeys(keys).map(({ node }) => node)).toEqual(['node1', 'node2']);
  });
});

describe('passwords that a plan wants', () => {
  const secrets = ['node1', 'node2'].map((node) => ({
    name: `password:root@${node}`,
    label: `Password of root on ${node}`,
    node,
  }));

  it('are asked for once for all nodes that take the same', () => {
    expect(wantedSecrets({ secrets }, {})).toEqual([{ name: 'password:root', label: 'Password of root on node[1-2]' }]);
    expect(wantedSecrets({ secrets }, { 'password:root@node1': 'x' })).toEqual([
      { name: 'password:root', label: 'Password of root on node2' },
    ]);
    expect(wantedSecrets({ secrets }, { 'password:root': 'x' })).toEqual([]);
  });
});

describe('a link to a look at nodes', () => {
  const opened = (path: string) => {
    const query = new URLSearchParams(path.split('?')[1]);
    const get = (name: string) => query.get(name) ?? '';
    const wizard = addNodesWizard({ nodes: get('nodes'), port: get('port'), install: get('install') });
    expect(wizard.check(wizard.initial, {})).toEqual([]);
    return {
      form: AddNodesForm.parse(wizard.toForm(wizard.initial)),
      page: wizard.pages.findIndex(({ key }) => key === get('step')),
      pages: wizard.pages.length,
    };
  };

  it('fills the form for exactly these nodes and opens its last page', () => {
    expect(opened(checkPath({ nodes: 'node[1-2,5]', port: 2222, install: true }))).toMatchObject({
      form: { nodes: 'node[1-2,5]', port: 2222, install: true, allowRootKey: false, disablePasswords: false },
      page: 2,
      pages: 3,
    });
    expect(opened(checkPath({ nodes: 'node7', port: 22, install: false })).form).toMatchObject({
      port: 22,
      install: false,
    });
    expect(opened('/add-nodes?nodes=node7').form.install).toBe(true);
  });
});

describe('a first login', () => {
  const typed = { password: 'p', key: '-----BEGIN', passphrase: 's' };

  it('sends what belongs to the way that was chosen, and no more', () => {
    expect(loginSecrets({ ...firstLogin, user: 'ann' }, typed)).toEqual({ 'password:ann': 'p' });
    expect(loginSecrets({ ...firstLogin, login: 'key' }, typed)).toEqual({
      'key:root': '-----BEGIN',
      'passphrase:root': 's',
    });
    expect(loginSecrets({ ...firstLogin, user: 'ann', login: 'key' }, typed)).toMatchObject({ 'password:ann': 'p' });
    expect(loginSecrets({ ...firstLogin, login: 'key' }, { ...typed, passphrase: '' })).toEqual({
      'key:root': '-----BEGIN',
    });
  });

  it('wants a key where the login uses one', () => {
    expect(loginIssues({ ...firstLogin, login: 'key' }, { key: ' ' })).toMatchObject([{ field: 'key' }]);
    expect(loginIssues(firstLogin, {})).toEqual([]);
  });
});

describe('what a degree means', () => {
  it.each([
    [3, 10, /3 of 9 possible links: about 15 links/, 'ok'],
    [9, 10, /all 9 others: 45 links/, 'ok'],
    [1, 10, /may split the mesh/, 'warn'],
    [2, 10, /3 is advised/, 'warn'],
    [3, 1, /no one to hold a link to/, 'ok'],
    [Number.NaN, 4, /whole number/, 'warn'],
    [0, 4, /mesh dial/, 'warn'],
  ] as const)('%d of %d nodes', (degree, nodes, words, tone) => {
    expect(describeDegree(degree, nodes)).toMatchObject({ text: expect.stringMatching(words) as string, tone });
  });
});

describe('the deploy form', () => {
  it('makes the first named node the head where there is no cluster', () => {
    expect(startOfDeploy({ nodes: 'node[1-3]', head: '' }, null)).toMatchObject({
      head: 'node1',
      nodes: 'node[2-3]',
      context: 'meshd',
      degree: '3',
    });
  });

  it('lets new nodes join the cluster that stands', () => {
    const standing = { head: 'node1', context: 'john', degree: 4 };
    expect(startOfDeploy({ nodes: 'node[1,5-6]', head: '' }, standing)).toMatchObject({
      head: 'node1',
      nodes: 'node[5-6]',
      context: 'john',
      degree: '4',
    });
    expect(startOfDeploy({ nodes: 'node[5-6]', head: 'node5' }, standing)).toMatchObject({ head: 'node5' });
  });
});
