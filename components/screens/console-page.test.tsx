// @vitest-environment happy-dom
import { act } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FleetVm } from '../../contract/fleet.ts';
import type { Role } from '../../contract/roles.ts';
import { takeKeyboard, type ConsoleWatcher } from '../../contract/streams.ts';
import { fleetFromSnapshot } from '../../core/fleet-view.ts';
import type { Console } from '../../lib/console.ts';
import { noFleet, type FleetState } from '../../lib/fleet.ts';
import { Observable } from '../../lib/observable.ts';
import { ConsoleProvider } from '../../lib/use-console.ts';
import { SessionProvider } from '../frame/use-session.tsx';
import { pageForTests } from '../page-for-tests.ts';
import { ConsolePage } from './ConsolePage.tsx';

vi.mock('next/navigation', () => ({ useSearchParams: () => new URLSearchParams('namespace=exp') }));

/** What draws the screen, as far as the page touches it. */
class FakeRfb {
  viewOnly = false;
  scaleViewport = false;
  background = '';
  readonly keys: string[] = [];
  private readonly listeners = new Map<string, () => void>();
  private readonly canvas = document.createElement('canvas');
  constructor(box: HTMLElement) {
    this.canvas.width = 640;
    box.append(this.canvas);
    drawn.push(this);
  }
  addEventListener(name: string, listener: () => void): void {
    this.listeners.set(name, listener);
  }
  tell(name: string): void {
    this.listeners.get(name)?.();
  }
  focus(): void {
    this.keys.push('focus');
  }
  sendKey(_keysym: number, code: string | null, isDown?: boolean): void {
    this.keys.push(`${code ?? ''} ${isDown === true ? 'down' : 'up'}`);
  }
  disconnect(): void {
    this.canvas.remove();
  }
}
const { drawn } = vi.hoisted(() => ({ drawn: [] as FakeRfb[] }));
vi.mock('@novnc/novnc', () => ({ default: FakeRfb }));

class FakeSocket {
  binaryType = '';
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: unknown[] = [];
  readonly url: string;
  constructor(url: string) {
    this.url = url;
    sockets.push(this);
  }
  send(data: unknown): void {
    this.sent.push(data);
  }
  close(): void {
    this.readyState = 3;
  }
}
let sockets: FakeSocket[];
let fleet: Observable<FleetState>;
let lines: string[];
const page = pageForTests();

beforeEach(() => {
  [sockets, lines, drawn.length] = [[], [], 0];
  vi.stubGlobal('WebSocket', FakeSocket);
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const vm: FleetVm = {
  ...{
    Node: 'id2',
    Id: 3,
    Name: 'web1',
    Namespace: 'exp',
    State: 'RUNNING',
    Reason: '',
    Uuid: 'u',
    Vcpus: 1,
    Memory: 64,
  },
  ...{
    Accelerator: 'kvm',
    SerialPorts: 1,
    Launched: 0,
    Vlans: [],
    Aliases: [],
    Macs: [],
    Tags: [],
    Cluster: 'c1',
    AsOf: 0,
  },
};
function stateWith(change: Partial<FleetVm> = {}): FleetState {
  const put = (...rows: object[]) => ({ put: rows as Record<string, unknown>[], gone: [] });
  const Kinds = {
    clusters: put({
      Id: 'c1',
      Context: 'lab',
      Engine: 'meshd',
      State: 'live',
      AttachedTo: 'node1',
      RoundTripMs: 1,
      AsOf: 0,
      Reason: '',
    }),
    nodes: put({
      Id: 'id2',
      Name: 'node2',
      Addresses: [],
      State: 'member',
      Head: false,
      Degree: 2,
      Cluster: 'c1',
      AsOf: 0,
      LostAt: null,
    }),
    vms: put({ ...vm, ...change }),
  };
  const view = fleetFromSnapshot({ Revision: 1, Now: 0, Kinds: Kinds, Events: [] });
  return { ...noFleet, status: 'live', view };
}

async function draw(role: Role = 'operator', name = 'web1'): Promise<void> {
  fleet = new Observable(stateWith());
  const client = {
    connection: new Observable({ state: 'live', since: 0, reason: '' }),
    onConnected: (listener: () => void) => {
      listener();
      return () => undefined;
    },
    call: () => Promise.resolve({ user: { role } }),
  };
  const commands = {
    run: (_target: unknown, line: string) => {
      lines.push(line);
      return Promise.resolve({ failed: false });
    },
  };
  const console = { client, commands, fleet: { state: fleet, retain: () => () => undefined } } as unknown as Console;
  page.draw(
    <ConsoleProvider console={console}>
      <SessionProvider>
        <ConsolePage node="node2" name={name} />
      </SessionProvider>
    </ConsoleProvider>,
  );
  await page.until(() => expect(name === 'web1' ? drawn.length : 1).toBe(1));
}

const watcher = (name: string, more: Partial<ConsoleWatcher> = {}): ConsoleWatcher => ({
  ...{ name, console: 'vnc', isYou: false, mayInput: true, hasKeyboard: false },
  ...more,
});
const last = () => sockets.at(-1)!;
const tell = (...watchers: ConsoleWatcher[]) => act(() => last().onmessage?.({ data: JSON.stringify({ watchers }) }));
function open(...watchers: ConsoleWatcher[]): void {
  act(() => {
    last().readyState = 1;
    last().onopen?.();
  });
  tell(...watchers);
  act(() => drawn.at(-1)?.tell('connect'));
}
const text = () => page.box.textContent;

test('an operator sees who types, takes the keyboard, and sends keys', async () => {
  await draw();
  expect(last().url).toContain('/streams/vnc?cluster=c1&node=node2&args=%7B%22vm%22%3A3%7D');
  open(watcher('Ann', { isYou: true }), watcher('Bob <bob@example.org>', { hasKeyboard: true }));
  expect(text()).toContain('web1');
  expect(text()).toContain('1 other here');
  expect(text()).toContain('Bob types');
  expect(drawn[0]?.viewOnly).toBe(true);
  page.press('Take the keyboard');
  expect(last().sent).toEqual([takeKeyboard]);
  tell(watcher('Ann', { isYou: true, hasKeyboard: true }), watcher('Bob <bob@example.org>'));
  expect(text()).toContain('You type');
  expect(drawn[0]?.viewOnly).toBe(false);
});

test('a viewer reads why nothing can be typed', async () => {
  await draw('viewer');
  open(watcher('Vic', { isYou: true, mayInput: false }));
  expect(text()).toContain('Read only');
  page.press('Take the keyboard');
  expect(last().sent).toEqual([]);
  expect(drawn[0]?.viewOnly).toBe(true);
});

test('a connection that is lost leaves its last picture, counts down, and is tried again at once when asked', async () => {
  await draw();
  open(watcher('Ann', { isYou: true, hasKeyboard: true }));
  const still = () => page.box.querySelector<HTMLCanvasElement>('canvas[aria-label="Screen of web1, as it was last"]');
  expect(still()?.hidden).toBe(true);
  act(() => last().onclose?.({ code: 1006, reason: '' }));
  expect(text()).toMatch(/The connection to the console was lost\. Next try in \d s\./);
  expect([still()?.hidden, still()?.width]).toEqual([false, 640]);
  page.press('Try now');
  expect(sockets).toHaveLength(2);
  open(watcher('Ann', { isYou: true, hasKeyboard: true }));
  expect(text()).not.toContain('Next try');
  expect(still()?.hidden).toBe(true);
});

test('a VM that ends says how; nothing is tried again until it is started, which the page can do', async () => {
  await draw();
  open(watcher('Ann', { isYou: true, hasKeyboard: true }));
  act(() => fleet.set(stateWith({ State: 'QUIT', Reason: 'the guest powered off' })));
  act(() => last().onclose?.({ code: 1000, reason: '' }));
  expect(text()).toContain('web1 is QUIT: the guest powered off. It has no console until it is started.');
  expect(text()).not.toContain('Next try');
  page.press('Start web1');
  await page.until(() => expect(lines).toEqual(['namespace exp vm start web1']));
  act(() => fleet.set(stateWith()));
  expect(sockets).toHaveLength(2);
});

test('a VM that is not there is named', async () => {
  await draw('operator', '9');
  expect(text()).toContain('No VM is called 9 on node2');
  expect(sockets).toEqual([]);
});
