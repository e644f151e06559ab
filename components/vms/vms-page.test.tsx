// @vitest-environment happy-dom
import { act, useMemo, useSyncExternalStore, type ReactElement } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CommandResponse, ResponseEntry } from '../../contract/command-socket.ts';
import type { FleetCluster, FleetDelta, FleetVm } from '../../contract/fleet.ts';
import { applyFleetDelta, fleetFromSnapshot } from '../../core/fleet-view.ts';
import type { CommandLine, RunOptions } from '../../lib/command-line.ts';
import type { ConnectionState } from '../../lib/client.ts';
import type { Console } from '../../lib/console.ts';
import type { FleetState } from '../../lib/fleet.ts';
import { Observable } from '../../lib/observable.ts';
import { ConsoleProvider } from '../../lib/use-console.ts';
import { SessionProvider } from '../frame/use-session.tsx';
import { pageForTests } from '../page-for-tests.ts';
import { VmPage } from './VmPage.tsx';
import { VmsPage } from './VmsPage.tsx';
import { deltaOf, someNode, someTap, someVm } from './vms-for-tests.ts';

const pushed: string[] = [];
vi.mock('next/navigation', () => {
  const changed = 'test:address';
  return {
    useRouter: () => ({ push: (path: string) => pushed.push(path) }),
    useSearchParams: () => {
      // As Next does it: an address that the page changes itself is the hook's new value.
      const search = useSyncExternalStore(
        (listener) => {
          window.addEventListener(changed, listener);
          return () => window.removeEventListener(changed, listener);
        },
        () => window.location.search,
      );
      return useMemo(() => new URLSearchParams(search), [search]);
    },
  };
});

/** What the pictures of rates were last given. */
const drawn: unknown[] = [];
vi.mock('./draw-rates.ts', () => ({
  drawRates: () => ({ draw: (data: unknown) => drawn.push(data), remove: () => undefined }),
}));

/** The streams that the page opened. */
const streams: FakeSocket[] = [];
class FakeSocket {
  static readonly CONNECTING = 0;
  readonly readyState = 1;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly url: string;
  isClosed = false;
  constructor(url: URL) {
    this.url = url.pathname + url.search;
    streams.push(this);
  }
  close(): void {
    this.isClosed = true;
  }
}

const page = pageForTests();
beforeEach(() => {
  streams.length = 0;
  vi.stubGlobal('WebSocket', FakeSocket);
  pushed.length = 0;
  window.history.replaceState(null, '', '/vms');
  for (const change of ['replaceState', 'pushState'] as const) {
    const act = window.history[change].bind(window.history);
    vi.spyOn(window.history, change).mockImplementation((...args) => {
      act(...args);
      window.dispatchEvent(new Event('test:address'));
    });
  }
  // Nothing is laid out here: a screen of ten rows.
  for (const side of ['offsetHeight', 'clientHeight'] as const)
    vi.spyOn(HTMLElement.prototype, side, 'get').mockReturnValue(320);
  vi.spyOn(HTMLElement.prototype, 'offsetWidth', 'get').mockReturnValue(1200);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  window.localStorage.clear();
});

const cluster: FleetCluster = {
  ...{
    Id: 'c',
    Context: 'john',
    Engine: 'meshd',
    State: 'live',
    AttachedTo: 'node1',
    RoundTripMs: 1,
    AsOf: 0,
    Reason: '',
  },
};
const vms: readonly FleetVm[] = [
  someVm('web1', { Id: 1, Vlans: [101], Aliases: ['lan'], Macs: ['00:01'] }),
  someVm('web2', { Id: 2, Node: 'n2', State: 'PAUSED', Reason: 'no space left' }),
  someVm('web3', { Id: 3, Node: 'n3', State: 'LOST', Reason: 'node3 does not answer' }),
  someVm('db', { Id: 4, Node: 'n2', Namespace: 'minimega', State: 'QUIT' }),
];

/** Answers that a line gets, by the line; a line without any gets none. */
type Answers = Readonly<Record<string, readonly Partial<ResponseEntry>[]>>;

class World {
  readonly lines: string[] = [];
  readonly state: Observable<FleetState>;
  private readonly deltas = new Set<(delta: FleetDelta) => void>();
  private readonly answers: Answers;
  private readonly role: string;

  constructor({
    answers = {},
    role = 'operator',
    rows = vms,
  }: {
    answers?: Answers;
    role?: string;
    rows?: readonly FleetVm[];
  }) {
    this.answers = answers;
    this.role = role;
    const put = (those: readonly object[]) => ({ put: those.map((row) => ({ ...row })), gone: [] });
    const view = fleetFromSnapshot({
      Revision: 1,
      Now: 0,
      Kinds: {
        clusters: put([cluster]),
        nodes: put(['n1', 'n2', 'n3'].map((id) => someNode(id))),
        namespaces: put([
          {
            Cluster: 'c',
            AsOf: 0,
            Name: 'lab',
            AllBut: true,
            Hosts: [],
            Load: '',
            VlanMin: null,
            VlanMax: null,
            Vms: 3,
          },
        ]),
        vms: put(rows),
        taps: put(rows.length === 0 ? [] : [someTap('mega_tap0', { Ip4: '10.0.0.1' })]),
      },
      Events: [],
    });
    this.state = new Observable<FleetState>({ status: 'live', view, asOf: 0, serverOffsetMs: 0, error: '' });
  }

  draw(content: ReactElement): Promise<void> {
    return act(() => {
      page.draw(
        <ConsoleProvider console={this.console()}>
          <SessionProvider>{content}</SessionProvider>
        </ConsoleProvider>,
      );
      return Promise.resolve();
    });
  }

  tell(kinds: FleetDelta['Kinds']): void {
    const { view } = this.state.get();
    const delta = deltaOf(view.revision, kinds);
    act(() => {
      this.state.set({ ...this.state.get(), view: applyFleetDelta(view, delta) });
      for (const listener of this.deltas) listener(delta);
    });
  }

  private console(): Console {
    const run: CommandLine['run'] = (_target, line, { onAnswer }: RunOptions) => {
      this.lines.push(line);
      const entries = (this.answers[line] ?? []).map((entry): ResponseEntry => ({
        ...{ Host: '', Response: '', Header: null, Tabular: null, Error: '', Data: null },
        ...entry,
      }));
      const answer: CommandResponse = { Resp: entries, Rendered: '', More: false, Status: false };
      onAnswer(answer);
      return Promise.resolve({ failed: entries.some((entry) => entry.Error !== '') });
    };
    const session = { user: { id: 'u', name: 'Ann', email: 'a@b', role: this.role }, version: '1', isSimulated: false };
    const client = {
      connection: new Observable<ConnectionState>({ state: 'live', since: 0, reason: '' }),
      onConnected: (listener: () => void) => {
        listener();
        return () => undefined;
      },
      call: () => Promise.resolve(session),
    };
    const fleet = {
      state: this.state,
      retain: () => () => undefined,
      onDelta: (listener: (delta: FleetDelta) => void) => {
        this.deltas.add(listener);
        return () => void this.deltas.delete(listener);
      },
    };
    return { client, fleet, commands: { run } } as unknown as Console;
  }
}

const text = () => page.box.textContent;
const rows = () => [...page.box.querySelectorAll('tbody [role=row]')].map((row) => row.textContent);
const button = (name: string, within: ParentNode = document.body): HTMLButtonElement | undefined =>
  [...within.querySelectorAll('button')].find(({ textContent }) => textContent === name);
const press = (name: string): void => {
  act(() => button(name)?.click());
};
const mark = (name: string): void => {
  act(() => page.box.querySelector<HTMLElement>(`[role=checkbox][aria-label^="${name} "]`)?.click());
};
const typeInto = (input: HTMLInputElement | null | undefined, value: string): void => {
  act(() => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(input, value);
    input?.dispatchEvent(new Event('input', { bubbles: true }));
  });
};
const filter = (value: string) => typeInto(page.box.querySelector<HTMLInputElement>('[role=search] input'), value);
const bar = () => page.box.querySelector('[aria-label="Marked VMs"]');

test('the title says how things are, and each row its state with the reason', async () => {
  await new World({}).draw(<VmsPage />);
  expect(text()).toContain('4 VMs on 3 nodes; 1 lost');
  expect(rows()).toEqual([
    expect.stringMatching(/^quitdb/),
    expect.stringMatching(/^runningweb1node1lablan10110\.0\.0\.1/),
    expect.stringMatching(/^paused: no space leftweb2/),
    expect.stringMatching(/^lost: node3 does not answerweb3/),
  ]);
});

test('a filter keeps what fits, and one that cannot be read says why and changes nothing', async () => {
  await new World({}).draw(<VmsPage />);
  filter('namespace=lab state!=running');
  expect(rows()).toHaveLength(2);
  expect(new URLSearchParams(window.location.search).get('q')).toBe('namespace=lab state!=running');
  expect(text()).toContain('2 of 4 VMs');
  filter('colour=red');
  expect(page.box.querySelector('[role=alert]')?.textContent).toMatch(
    /^no such column `colour`: the columns are id, name/,
  );
  expect(page.box.querySelector('[role=search] input')?.getAttribute('aria-invalid')).toBe('true');
  expect(rows()).toHaveLength(2);
});

test('segments count and filter; a view is kept in the browser, chosen and removed', async () => {
  await new World({}).draw(<VmsPage />);
  press('Node');
  press('node22');
  expect(new URLSearchParams(window.location.search).get('q')).toBe('node=node2');
  expect(rows()).toHaveLength(2);
  press('Views');
  await page.until(() => expect(document.querySelector('[role=menuitem]')).not.toBeNull());
  act(() => document.querySelector<HTMLElement>('[role=menuitem]')?.click());
  await page.until(() => expect(document.querySelector('[role=dialog] input')).not.toBeNull());
  typeInto(document.querySelector<HTMLInputElement>('[role=dialog] input'), 'second node');
  press('Save this view');
  expect(JSON.parse(window.localStorage.getItem('meshdeck.vms.views') ?? '')).toEqual([
    { name: 'second node', filter: 'node=node2', sort: '', by: 'node' },
  ]);
  const menuItem = (start: string) =>
    [...document.querySelectorAll<HTMLElement>('[role=menuitem]')].find(({ textContent }) =>
      textContent.startsWith(start),
    );
  const choose = async (start: string): Promise<void> => {
    press('Views');
    await page.until(() => expect(menuItem(start)).toBeDefined());
    act(() => menuItem(start)?.click());
  };
  await page.until(() => expect(document.querySelector('[role=dialog]')).toBeNull());
  filter('');
  await choose('second node');
  expect(rows()).toHaveLength(2);
  await choose('Save this view');
  const remove = () => document.querySelector<HTMLElement>('[aria-label="Remove the view second node"]');
  await page.until(() => expect(remove()).not.toBeNull());
  act(() => remove()?.click());
  expect(window.localStorage.getItem('meshdeck.vms.views')).toBe('[]');
});

test('a change moves a row without a new list; a VM that is gone is no longer marked', async () => {
  const world = new World({});
  await world.draw(<VmsPage />);
  mark('web1');
  mark('db');
  expect(bar()?.textContent).toContain('2 VMs on 2 nodes');
  world.tell({ vms: { put: [{ Node: 'n1', Id: 1, Name: 'aaa' }], gone: ['n2 4'] } });
  await page.until(() => expect(rows()[0]).toMatch(/aaa/));
  expect(rows()).toHaveLength(3);
  expect(bar()?.textContent).toContain('aaa on node1');
});

test('an action is for the marked VMs that it fits; each VM has its own result', async () => {
  const line = 'namespace lab vm start web2';
  const send = 'mesh send node2 vm start db';
  const world = new World({
    answers: { [line]: [{ Host: 'node2', Error: 'still no space' }], [send]: [{ Host: 'node2' }] },
  });
  await world.draw(<VmsPage />);
  for (const name of ['web1', 'web2', 'web3', 'db']) mark(name);
  filter('state=quit');
  expect(bar()?.textContent).toContain('4 VMs on 3 nodes, 3 not listed');
  press('Start 2');
  await page.until(() => expect(bar()?.textContent).toContain('1 VM started, 1 failed'));
  expect(world.lines).toEqual([send, line]);
  expect(page.box.querySelector('[aria-label="VMs that went wrong"]')?.textContent).toBe('web2node2still no space');
});

test('a save asks for a folder, shows its command, and is a line for each VM', async () => {
  const line = 'namespace lab vm save web1 monday/web1';
  const world = new World({ answers: { [line]: [{ Host: 'node1' }] } });
  await world.draw(<VmsPage />);
  mark('web1');
  press('Save…');
  const dialog = () => document.querySelector('[role=dialog]');
  await page.until(() => expect(dialog()?.querySelector('input')).not.toBeNull());
  typeInto(dialog()?.querySelector('input'), '../x');
  expect(dialog()?.textContent).toContain('A folder is letters');
  typeInto(dialog()?.querySelector('input'), 'monday');
  expect(dialog()?.textContent).toContain(line);
  act(() => dialog()?.querySelector('form')?.requestSubmit());
  await page.until(() => expect(world.lines).toEqual([line]));
  await page.until(() => expect(text()).toContain('web1 saved'));
});

test('kill names what goes with it and wants the words typed', async () => {
  const world = new World({});
  await world.draw(<VmsPage />);
  for (const name of ['web1', 'web2', 'web3']) mark(name);
  press('Kill 2…');
  await page.until(() => expect(document.querySelector('[role=dialog] input')).not.toBeNull());
  const dialog = document.querySelector<HTMLElement>('[role=dialog]')!;
  expect(dialog.textContent).toContain('2 VMs on 2 nodes: web1 on node1; web2 on node2.');
  expect(dialog.textContent).toContain("meshd -e 'namespace lab vm kill web[1-2]'");
  press('Kill 2 VMs');
  expect(world.lines).toEqual([]);
  typeInto(dialog.querySelector('input'), 'kill 2 VMs');
  await act(() => {
    button('Kill 2 VMs', dialog)?.click();
    return Promise.resolve();
  });
  expect(world.lines).toEqual(['namespace lab vm kill web[1-2]']);
});

test('a viewer sees what can be done, and why not by them', async () => {
  const world = new World({ role: 'viewer' });
  await world.draw(<VmsPage />);
  mark('web1');
  expect(button('Stop')?.getAttribute('aria-disabled')).toBe('true');
  press('Stop');
  expect(world.lines).toEqual([]);
});

test('without VMs the page says what it will show, and how to launch', async () => {
  await new World({ rows: [] }).draw(<VmsPage />);
  expect(text()).toContain('No VMs yet');
  expect([...page.box.querySelectorAll('a')].map((link) => link.getAttribute('href'))).toEqual(['/launch']);
  expect(text()).toContain("meshd -e 'vm launch kvm web[1-4]'");
});

const info = 'namespace lab vm show uuid-web1';
const picture = 'namespace lab vm screenshot uuid-web1 800';

test('the page of a VM: what its node says, its picture, and what changed meanwhile', async () => {
  const table = {
    Header: ['uuid', 'disks', 'snapshot', 'kernel', 'pid'],
    Tabular: [['uuid-web1', 'a.qcow2,b.qcow2', 'true', '', '0']],
  };
  const world = new World({
    answers: {
      [info]: [
        { Host: 'node3', Error: 'node3 is not in the mesh now' },
        { Host: 'node1', ...table },
      ],
      [picture]: [{ Host: 'node1', Data: 'iVBORw0K' }],
    },
  });
  await world.draw(<VmPage node="node1" vm="1" />);
  await page.until(() => expect(text()).toContain('b.qcow2'));
  expect(text()).toContain('Snapshottrue');
  await page.until(() =>
    expect(page.box.querySelector('img')?.getAttribute('src')).toBe('data:image/png;base64,iVBORw0K'),
  );
  world.tell({
    vms: {
      put: [
        { Node: 'n1', Id: 1, State: 'PAUSED', Reason: 'disk full', Vlans: [-1], Aliases: [''], Tags: ['env=prod'] },
      ],
      gone: [],
    },
  });
  const changes = () =>
    [...page.box.querySelectorAll('[aria-label=Changes] li')].map((item) => item.lastElementChild?.textContent);
  await page.until(() => expect(changes()).toHaveLength(3));
  expect(changes().toReversed()).toEqual([
    'running → paused: disk full',
    'NIC 0: lan (101) → disconnected',
    'tag env=prod',
  ]);
  // Asked again since it changed, and not otherwise.
  await page.until(() => expect(world.lines.filter((line) => line === info)).toHaveLength(2));
  world.tell({ vms: { put: [], gone: ['n1 1'] } });
  await page.until(() => expect(text()).toContain('web1 is gone'));
});

test('what a VM takes comes by a stream of its node, as long as it runs', async () => {
  const world = new World({});
  await world.draw(<VmPage node="node1" vm="1" />);
  const [stream] = streams;
  expect(stream?.url).toBe('/streams/vm-rates?cluster=c&node=node1&args=%7B%22vm%22%3A1%7D');
  await page.until(() => expect(drawn.length).toBeGreaterThan(2));
  const sample = { At: 2_000, Cpu: 0.5, Memory: 256, Rx: 12_000, Tx: 999 };
  act(() => stream?.onmessage?.({ data: new TextEncoder().encode(`${JSON.stringify(sample)}\n`).buffer }));
  for (const value of ['0.50 of 1', '256 MB, its guest has 512 MB', '12 kB/s in, 999 B/s out'])
    expect(text()).toContain(value);
  expect(drawn.slice(-3)).toEqual([
    [[2], [0.5]],
    [[2], [256]],
    [[2], [12_000], [999]],
  ]);
  world.tell({ vms: { put: [{ Node: 'n1', Id: 1, State: 'QUIT' }], gone: [] } });
  await page.until(() => expect(text()).toContain('It takes nothing: it is quit.'));
  expect(stream?.isClosed).toBe(true);
});

test('what the engine of the cluster cannot do is disabled, with its reason', async () => {
  const world = new World({});
  world.tell({
    clusters: {
      put: [
        {
          Id: 'c',
          Lacks: [
            { What: 'shutdown', Reason: 'it asks no guest' },
            { What: 'rates', Reason: 'it does not tell the load' },
          ],
        },
      ],
      gone: [],
    },
  });
  await world.draw(<VmPage node="node1" vm="web1" />);
  const button = (name: string) =>
    [...page.box.querySelectorAll('button')].find(({ textContent }) => textContent === name);
  expect(button('Shut down')?.getAttribute('aria-disabled')).toBe('true');
  expect(button('Stop')?.getAttribute('aria-disabled')).not.toBe('true');
  expect(page.box.textContent).toContain('it does not tell the load.');
  expect(streams).toEqual([]);
});

test('a VM that is not there says so', async () => {
  await new World({}).draw(<VmPage node="node2" vm="99" />);
  expect(text()).toContain('node2 has no VM 99');
});
