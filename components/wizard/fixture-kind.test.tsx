// @vitest-environment happy-dom
// A kind of plan that nobody knows but this file: its registration and its page are here, and nothing else is touched. It is
// planned, run, retried and undone by shell and page, over the wire's schemas; sidebar and palette list it.
import { Command } from 'commander';
import { SearchParamsContext } from 'next/dist/shared/lib/hooks-client-context.shared-runtime.js';
import type { ReactElement } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import type { Backend } from '../../cli/backend.ts';
import { planAndRun } from '../../cli/plan-command.ts';
import { describeRun } from '../../cli/plan-text.ts';
import { addPlanCommands } from '../../cli/plan-words.ts';
import { pagesOf } from '../frame/pages.ts';
import { paletteEntries } from '../palette/palette-items.ts';
import { AppError } from '../../contract/errors.ts';
import { ConsoleClient, type SocketLike } from '../../lib/client.ts';
import { createConsole } from '../../lib/console.ts';
import { ConsoleProvider } from '../../lib/use-console.ts';
import type { StepActions } from '../../core/plans/actions.ts';
import { describeCommand } from '../../core/plans/command-text.ts';
import { planKinds } from '../../core/plans/kinds.ts';
import type { PlanKindFacts } from '../../core/plans/plan-kind.ts';
import { makePlan, stepsOf } from '../../core/plans/step.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import { invalid } from '../../server/form.ts';
import type { Caller } from '../../server/ports.ts';
import type { RunCore } from '../../server/runs/run-core.ts';
import { createAuth } from '../../server/auth/auth.ts';
import { type Connection, Dispatcher } from '../../server/hub/dispatcher.ts';
import { createHandlers } from '../../server/hub/handlers.ts';
import { createMemoryStore } from '../../server/store/memory-store.ts';
import type { ConsoleStore } from '../../server/store/types.ts';
import { createTestFleet, silentLog } from '../../server/parts-for-tests.ts';
import { pageForTests } from '../page-for-tests.ts';
import { issuesOf, noSecrets, textOf } from './form-values.ts';
import { TextField } from './TextField.tsx';
import type { Wizard } from './wizard.ts';
import { WizardShell } from './WizardShell.tsx';
import { actionTable } from '../../server/plans/action.ts';
import { createRunCore } from '../../server/plans/create-runs.ts';
import { servedKinds } from '../../server/plans/kinds.ts';
import { serveKind } from '../../server/plans/plan-kind.ts';

const paintKind: PlanKindFacts = {
  kind: 'paint',
  title: 'Paint nodes',
  role: 'operator',
  page: { path: '/paint', below: '/nodes' },
  offer: { hint: 'colour brush' },
  commands: [
    {
      words: 'nodes paint',
      about: 'give nodes a colour',
      argument: { usage: '<nodes>', field: 'nodes', about: 'a node range' },
      options: [{ flag: '--colour <name>', field: 'colour', about: 'which one', default: 'red' }],
    },
  ],
};

const paintActions = {
  ensureColour: {
    args: z.object({ node: z.string(), colour: z.string() }),
    result: z.object({ was: z.string() }),
  },
} satisfies StepActions;
const paintStep = stepsOf(paintActions);

const colours = new Map<string, string>();
const broken = new Set<string>();

const PaintForm = z.object({ nodes: z.string().min(1, 'name the nodes'), colour: z.string().default('red') });

const paintPlan = serveKind(paintKind, {
  form: PaintForm,
  actions: actionTable(paintActions, {
    ensureColour: ({ node, colour }) => {
      if (broken.has(node)) return Promise.reject(new AppError('failed', `${node} takes no paint`));
      const was = colours.get(node) ?? 'grey';
      colours.set(node, colour);
      return Promise.resolve({ changed: was !== colour, result: { was } });
    },
  }),
  plan: (form, { context }) => {
    const range = parseRange(form.nodes);
    if (!range.ok) throw invalid('nodes', range.message);
    return makePlan(paintKind.kind, context, {
      title: `Paint ${form.nodes} ${form.colour}`,
      command: describeCommand(paintKind.commands[0]!, form),
      steps: range.names.map((node) =>
        paintStep({
          action: 'ensureColour',
          node,
          title: `Paint it ${form.colour}`,
          why: 'Somebody likes it.',
          args: { node, colour: form.colour },
          undo: { action: 'ensureColour', args: { node, colour: colours.get(node) ?? 'grey' } },
        }),
      ),
    });
  },
});

const paintWizard: Wizard<{ readonly nodes: string; readonly colour: string }> = {
  kind: paintKind,
  initial: { nodes: '', colour: 'red' },
  pages: [
    {
      key: 'nodes',
      title: 'Nodes',
      fields: ['nodes', 'colour'],
      render: (page) => (
        <>
          <TextField page={page} name="nodes" label="Nodes" />
          <TextField page={page} name="colour" label="Colour" />
        </>
      ),
    },
  ],
  check: (form) => issuesOf(PaintForm, form),
  toForm: (form) => form,
  toSecrets: noSecrets,
  outlook: (form) => <p>{textOf(form, 'nodes')} will be painted</p>,
  planning: () => 'Mixing paint',
};

function PaintPage(): ReactElement {
  return <WizardShell wizard={paintWizard} />;
}

const operator: Caller = { userId: 'u1', name: 'Olga', role: 'operator' };
let store: ConsoleStore;
let core: RunCore;
let said: string[];
const page = pageForTests();

beforeEach(async () => {
  colours.clear();
  broken.clear();
  store = createMemoryStore();
  core = createRunCore(
    { log: silentLog, usesOwnKeys: false, resumesAtStart: true },
    {
      store,
      fleet: createTestFleet(),
      kinds: [...servedKinds, paintPlan],
    },
  );
  await core.start();
  said = [];
  vi.spyOn(console, 'log').mockImplementation((text: string) => void said.push(text));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await core.stop();
});

/** What the shell does its work by. */
function backendOf(caller: Caller): Backend {
  const unused = () => Promise.reject(new Error('not used here'));
  return {
    command: 'meshdeck',
    makePlan: (kind, form, secrets) =>
      core.makePlan(caller, { kind, form, secrets, signal: new AbortController().signal }),
    startRun: (plan, secrets) => core.startRun(caller, plan, secrets),
    list: (limit) => core.list(limit),
    follow: (run, listener) => core.subscribe(run, listener),
    resume: (run, secrets) => core.resume(run, secrets),
    cancel: (run) => core.cancel(caller, run),
    retry: (run, secrets) => core.retry(caller, run, secrets),
    undo: (run) => core.undo(caller, run),
    answer: unused,
    signal: unused,
    provideSecrets: unused,
    showBridges: unused,
    caCopies: unused,
    keepCa: unused,
    close: () => Promise.resolve(),
  };
}

/** `meshdeck <words>`; resolves with its exit code. */
async function meshdeck(...words: string[]): Promise<number> {
  let code = -1;
  const program = new Command('meshdeck').exitOverride();
  addPlanCommands(program, [...planKinds, paintKind], async (kind, form, options) => {
    code = await planAndRun(backendOf(operator), kind, form, options);
  });
  await program.parseAsync(['node', 'meshdeck', ...words]);
  return code;
}

const settled = async () => {
  await vi.waitFor(async () => {
    expect((await core.list(1))[0]?.endedAt).not.toBeNull();
  });
  return (await core.list(1))[0]!;
};

test('the shell plans it, runs it and lists it, by an operator', async () => {
  expect(await meshdeck('nodes', 'paint', 'node[1-2]', '--colour', 'blue', '--run')).toBe(0);
  expect(Object.fromEntries(colours)).toEqual({ node1: 'blue', node2: 'blue' });
  const text = said.join('\n');
  expect(text).toContain('Paint node[1-2] blue');
  expect(text).toContain("As a command: meshdeck nodes paint 'node[1-2]' --colour blue");
  expect(text).toContain('Paint node[1-2] blue: done, 2 of 2 steps done');
  expect(describeRun(await settled())).toMatch(/done .*Paint node\[1-2\] blue \(2 of 2 done\)$/);
});

test('what was left out is the default of its form, and a wrong one is refused at its field', async () => {
  expect(await meshdeck('nodes', 'paint', 'node1', '--run')).toBe(0);
  expect(colours.get('node1')).toBe('red');
  await expect(meshdeck('nodes', 'paint', 'node[1-', '--run')).rejects.toMatchObject({
    code: 'invalid',
    detail: { field: 'nodes' },
  });
});

test('a step that fails is retried, and undo gives back what was there', async () => {
  broken.add('node2');
  expect(await meshdeck('nodes', 'paint', 'node[1-2]', '--run')).not.toBe(0);
  const { id } = await settled();
  broken.clear();
  await core.retry(operator, id, {});
  expect(await settled()).toMatchObject({ state: 'done', counts: { total: 2, done: 2, failed: 0 } });
  await core.undo(operator, id);
  expect(await settled()).toMatchObject({ state: 'undone', counts: { total: 2, done: 0, failed: 0 } });
  expect(Object.fromEntries(colours)).toEqual({ node1: 'grey', node2: 'grey' });
});

test('a viewer may neither plan it nor act on its run', async () => {
  await meshdeck('nodes', 'paint', 'node1', '--run');
  const { id } = await settled();
  const viewer: Caller = { ...operator, role: 'viewer' };
  const request = { kind: 'paint', form: { nodes: 'node1' }, secrets: {}, signal: new AbortController().signal };
  await expect(core.makePlan(viewer, request)).rejects.toMatchObject({ code: 'refused' });
  await expect(core.undo(viewer, id)).rejects.toMatchObject({ code: 'refused' });
});

test('pages and palette have it under its title, for those who may have it', () => {
  const nodes = pagesOf([...planKinds, paintKind]).find(({ path }) => path === '/nodes');
  expect(nodes?.wizards?.['/paint']).toBe('Paint nodes');
  const offered = (role: Caller['role']) =>
    paletteEntries([], [], { added: [], role, kinds: [...planKinds, paintKind] }).map(({ label, path }) => [
      label,
      path,
    ]);
  expect(offered('operator')).toContainEqual(['Paint nodes', '/paint']);
  expect(offered('viewer')).not.toContainEqual(['Paint nodes', '/paint']);
});

/** What a page has in place of socket.io: the hub's dispatcher, which checks size, role and schemas of each call. */
function socketOf(caller: Caller): SocketLike {
  const unused = () => Promise.reject(new Error('not used here'));
  const listeners = new Map<string, (data: unknown) => void>();
  const dispatcher = new Dispatcher(
    { log: silentLog, now: Date.now },
    {
      handlers: createHandlers(
        { version: '1', isSimulated: false },
        {
          auth: createAuth({ log: silentLog, secret: 'x'.repeat(32), now: Date.now }, { store }),
          fleet: createTestFleet(),
          runs: core,
          audit: store.audit,
          hosts: store.hosts,
          consoleKeys: () => Promise.resolve([]),
          caCopies: { list: unused, keep: unused },
          showBridges: unused,
        },
      ),
      audit: store.audit,
      describe: () => Promise.resolve(null),
      callerOf: () => Promise.resolve(caller),
    },
  );
  const connection: Connection = {
    id: 's1',
    credential: { kind: 'session', token: 'h', id: 'c1' },
    signal: new AbortController().signal,
    follows: new Map(),
    callsInFlight: 0,
    lanes: new Map(),
    room: () => Promise.resolve(),
    emit: (name, data) => listeners.get(name)?.(data),
    joinFleet: () => undefined,
    leaveFleet: () => undefined,
    end: () => undefined,
  };
  return {
    connected: true,
    active: true,
    connect: () => undefined,
    disconnect: () => undefined,
    on: (name, listener) => {
      listeners.set(name, listener);
      if (name === 'connect') listener();
    },
    emit: (name, input, ack) => {
      void dispatcher.call(connection, name, input).then((answer) => {
        ack(answer.ack);
        answer.after();
      });
    },
  };
}

const heading = () => page.box.querySelector('h2')?.textContent;

function drawPage(caller: Caller): void {
  window.history.replaceState(null, '', '/paint');
  page.draw(
    <SearchParamsContext value={new URLSearchParams()}>
      <ConsoleProvider
        console={createConsole(new ConsoleClient({ socket: socketOf(caller), now: Date.now }), Date.now)}
      >
        <PaintPage />
      </ConsoleProvider>
    </SearchParamsContext>,
  );
}

test('its page makes the plan, shows it, runs it and shows the run', async () => {
  drawPage(operator);
  page.press('Make the plan');
  expect(page.field('Nodes').textContent).toContain('name the nodes');
  page.type('Nodes', 'node[1-');
  page.press('Make the plan');
  await page.until(() => {
    expect(page.field('Nodes').textContent).toMatch(/node\[1-/);
  });
  page.type('Nodes', 'node[1-2]');
  page.type('Colour', 'blue');
  page.press('Make the plan');
  await page.until(() => {
    expect(heading()).toBe('Plan');
    expect(page.box.textContent).toContain('Paint node[1-2] blue. 2 steps to do.');
  });
  page.press('Run it');
  await page.until(() => {
    expect(heading()).toBe('Run');
    expect(page.box.textContent).toContain('2 of 2 steps');
  });
  expect(Object.fromEntries(colours)).toEqual({ node1: 'blue', node2: 'blue' });
  expect(await settled()).toMatchObject({ kind: 'paint', title: 'Paint node[1-2] blue', state: 'done' });
}, 120_000);
