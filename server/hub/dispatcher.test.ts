import { describe, expect, it, vi } from 'vitest';
import { browserMethods, type MethodName } from '../../contract/browser.ts';
import { AppError } from '../../contract/errors.ts';
import { auditEntriesPerHour, maxCallBytes, maxCallsAtOnce } from '../../contract/limits.ts';
import { isAtLeast } from '../../contract/role-order.ts';
import { Role } from '../../contract/roles.ts';
import { createAuth, type Credential } from '../auth/auth.ts';
import { listConsoleKeys } from '../ssh/console-key.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { createTestFleet, createTestRuns, silentLog, testSummary } from '../parts-for-tests.ts';
import type { Caller } from '../ports.ts';
import { createAuditTexts } from './audit-texts.ts';
import { Dispatcher, type Connection } from './dispatcher.ts';
import { createHandlers } from './handlers.ts';

const caCopies = {
  list: () => Promise.resolve([]),
  keep: () => Promise.resolve({ cluster: 'c1', code: 'AAAA-BBBB' }),
};
// Some tests hash passwords, for a second and more on a busy machine.
vi.setConfig({ testTimeout: 60_000 });
const methodNames = Object.keys(browserMethods) as MethodName[];
const admin = { name: 'Root', email: 'root@example.org', password: 'correct horse battery', role: 'admin' } as const;

async function setUp({ hasUser = true, kind = 'session' }: { hasUser?: boolean; kind?: Credential['kind'] } = {}) {
  const store = createMemoryStore();
  const fleet = createTestFleet();
  const runs = createTestRuns();
  const auth = createAuth({ log: silentLog, secret: 'x'.repeat(32), now: () => 1_000 }, { store });
  // A user costs a password hash: only where a test needs one.
  const user = hasUser ? await auth.createUser(admin) : { id: 'nobody' };
  let caller: Caller | null = { userId: user.id, name: 'Root', role: 'admin' };
  const logged: string[] = [];
  let now = 5;
  const dispatcher = new Dispatcher(
    { log: { ...silentLog, error: (text) => logged.push(text) }, now: () => now },
    {
      handlers: createHandlers(
        { version: '1', isSimulated: false },
        {
          auth,
          fleet,
          runs,
          audit: store.audit,
          hosts: store.hosts,
          consoleKeys: () => listConsoleKeys(store),
          caCopies,
          showBridges: (nodes) => Promise.resolve([{ node: nodes, summary: null, error: 'not reached' }]),
        },
      ),
      audit: store.audit,
      describe: createAuditTexts({ runs, userName: (id) => Promise.resolve(`name of ${id}`) }),
      callerOf: () => Promise.resolve(caller),
    },
  );
  const events: unknown[] = [];
  const abort = new AbortController();
  const connection: Connection = {
    id: 's1',
    credential: kind === 'token' ? { kind, hash: 'h', id: 'c1' } : { kind, token: 'h', id: 'c1' },
    signal: abort.signal,
    follows: new Map(),
    callsInFlight: 0,
    lanes: new Map(),
    room: () => Promise.resolve(),
    emit: (name, data) => events.push([name, data]),
    joinFleet: () => events.push('join'),
    leaveFleet: () => events.push('leave'),
    end: (reason) => events.push(['end', reason]),
  };
  const call = async (name: string, input: unknown) => {
    const { ack, after } = await dispatcher.call(connection, name, input);
    after();
    return ack;
  };
  const audit = () => store.audit.list({ before: null, limit: 10_000, text: '' });
  return {
    auth,
    store,
    fleet,
    runs,
    user,
    dispatcher,
    connection,
    events,
    logged,
    pass: (ms: number) => (now += ms),
    call,
    audit,
    as: (next: Caller | null) => {
      caller = next;
    },
  };
}

describe('the dispatcher', () => {
  it.each(methodNames)('answers the example of %s', async (name) => {
    const { call, auth, user, audit } = await setUp();
    let example: Record<string, unknown> = { ...browserMethods[name].example };
    if (name === 'users.setRole' || name === 'users.setPassword' || name === 'users.remove') {
      const other = await auth.createUser({ ...admin, email: 'b@example.org', role: 'viewer' });
      example = { ...example, user: other.id };
    }
    if (name === 'tokens.revoke') example = { token: (await auth.createToken(user.id, 't')).id };
    const ack = await call(name, example);
    expect(ack).toMatchObject({ ok: true });
    const entries = await audit();
    expect(entries.map(({ who, result }) => ({ who, result }))).toEqual(
      browserMethods[name].changes ? [{ who: 'Root', result: 'ok' }] : [],
    );
    expect(JSON.stringify(entries)).not.toMatch(/correct horse/);
  });

  it.each(methodNames)('refuses %s to a caller with a lesser role', async (name) => {
    const { call, as, runs, fleet, audit } = await setUp({ hasUser: false });
    const { role: least, changes, example } = browserMethods[name];
    for (const role of Role.options.filter((option) => !isAtLeast(option, least))) {
      as({ userId: 'u', name: 'Eve', role });
      expect(await call(name, example)).toMatchObject({ ok: false, error: { code: 'refused' } });
      const [entry] = await audit();
      if (changes) expect(entry).toMatchObject({ who: 'Eve', result: 'refused' });
      else expect(entry).toBeUndefined();
    }
    expect(runs.asked).toEqual([]);
    expect(fleet.commands).toEqual([]);
  });

  it.each(methodNames)('refuses %s without a session, and ends the connection', async (name) => {
    const { call, as, events, runs } = await setUp({ hasUser: false });
    as(null);
    expect(await call(name, browserMethods[name].example)).toMatchObject({ ok: false, error: { code: 'refused' } });
    expect(events).toEqual([['end', 'Your session ended: log in again.']]);
    expect(runs.asked).toEqual([]);
  });

  it('takes a call of the largest size and refuses one byte more', async () => {
    const { call } = await setUp();
    const sized = (bytes: number) => {
      const form = { kind: 'deploy', form: { text: '' }, secrets: {} };
      form.form.text = 'x'.repeat(bytes - JSON.stringify(form).length);
      return form;
    };
    expect(await call('plans.make', sized(maxCallBytes))).toMatchObject({ ok: true });
    expect(await call('plans.make', sized(maxCallBytes + 1))).toMatchObject({ ok: false, error: { code: 'invalid' } });
  });

  it('refuses a call above the number at once', async () => {
    const { call, connection } = await setUp();
    connection.callsInFlight = maxCallsAtOnce - 1;
    expect(await call('runs.list', { limit: 1 })).toMatchObject({ ok: true });
    connection.callsInFlight = maxCallsAtOnce;
    expect(await call('runs.list', { limit: 1 })).toMatchObject({ ok: false, error: { code: 'refused' } });
  });

  it.each([
    ['no such method', 'nope', {}, 'not-found'],
    ['a name of Object', 'toString', {}, 'not-found'],
    ['no input', 'runs.list', undefined, 'invalid'],
    ['a field of another type', 'runs.list', { limit: '5' }, 'invalid'],
    ['a number out of bounds', 'runs.list', { limit: 501 }, 'invalid'],
  ])('answers %s with what is wrong', async (_title, name, input, code) => {
    const { call } = await setUp();
    expect(await call(name, input)).toMatchObject({ ok: false, error: { code } });
  });

  it('keeps the words of a fault of ours in the log', async () => {
    const { call, runs, logged } = await setUp();
    runs.list = () => Promise.reject(new Error('SELECT secret FROM /var/lib'));
    const ack = await call('runs.list', { limit: 1 });
    expect(JSON.stringify(ack)).not.toContain('SELECT');
    expect(ack).toMatchObject({ ok: false, error: { code: 'failed' } });
    expect(logged.join()).toContain('SELECT secret');
  });

  it('audits a refusal of the part itself, with its reason', async () => {
    const { call, user, audit } = await setUp();
    expect(await call('users.remove', { user: user.id })).toMatchObject({ ok: false, error: { code: 'refused' } });
    expect((await audit())[0]).toMatchObject({
      result: 'refused',
      message: expect.stringContaining('only admin') as string,
    });
  });

  it('answers what became of the act where the audit log cannot be written, and keeps the entry in its own', async () => {
    const { call, store, runs, logged } = await setUp();
    store.audit.append = () => Promise.reject(new Error('disk full'));
    expect(await call('runs.cancel', { run: 'r1' })).toMatchObject({ ok: true });
    runs.cancel = () => Promise.reject(new AppError('conflict', 'it is over'));
    expect(await call('runs.cancel', { run: 'r1' })).toMatchObject({ error: { code: 'conflict' } });
    expect(logged).toEqual([
      expect.stringMatching(/not in the audit log: .*meshdeck runs cancel r1.*"ok".*disk full/),
      expect.stringMatching(/not in the audit log: .*"refused".*it is over.*disk full/),
    ]);
  });

  it('writes acts as commands where there are any, else in words', async () => {
    const { call, audit } = await setUp();
    await call('users.create', {
      name: "Ann O'Neil",
      email: 'a@example.org',
      role: 'viewer',
      password: 'p'.repeat(12),
    });
    await call('runs.start', { plan: 'p1', secrets: { 'password:root@node1': 'hunter22' } });
    expect((await audit()).map(({ what, where }) => [what, where])).toEqual([
      ['meshdeck deploy node[1-2]', 'node1,node2'],
      ["add the user Ann O'Neil <a@example.org> as viewer", 'console'],
    ]);
  });
});

describe('what a token may not do', () => {
  const needSession = methodNames.filter((name) => 'needsSession' in browserMethods[name]);

  it('is what gives access for longer or takes it from others', () => {
    const changing = methodNames.filter((name) => browserMethods[name].changes);
    expect(needSession).toEqual(changing.filter((name) => /^(?:users|sessions?)\.|^tokens\.create$/.test(name)));
  });

  it.each(needSession)('%s: refused, nothing is done, and it is in the audit log', async (name) => {
    const { call, auth, audit } = await setUp({ kind: 'token' });
    expect(await call(name, browserMethods[name].example)).toMatchObject({
      ok: false,
      error: { code: 'refused', message: expect.stringContaining('a token may not do this') as string },
    });
    expect((await audit())[0]).toMatchObject({ who: 'Root', result: 'refused' });
    expect(await auth.users()).toMatchObject([{ email: admin.email, role: 'admin' }]);
  });
});

describe('the audit log', () => {
  const run = (line: string) => ({ call: 'c1', cluster: '', node: 'node1', line, timeoutMs: 1_000 });
  const viewer = { userId: 'u2', name: 'Eve', role: 'viewer' } as const;

  it('has no blank lines and comments: they do nothing', async () => {
    const { call, fleet, audit } = await setUp({ hasUser: false });
    for (const line of ['', '   ', '\t', '# a comment', '  # another', '\n\n', '# a\n  # b']) {
      expect(await call('command.run', run(line)), JSON.stringify(line)).toMatchObject({ ok: true });
    }
    expect(fleet.commands).toHaveLength(7);
    expect(await audit()).toEqual([]);
    await call('command.run', run('# a\nmesh status'));
    expect(await audit()).toHaveLength(1);
  });

  it('has so many entries of one user an hour, then counts them, and loses none of an admin', async () => {
    const { call, as, audit, pass, dispatcher } = await setUp({ hasUser: false });
    await call('runs.cancel', { run: 'r1' });
    as(viewer);
    for (let turn = 0; turn < auditEntriesPerHour + 50; turn += 1) {
      await call(turn % 2 === 0 ? 'command.run' : 'runs.cancel', turn % 2 === 0 ? run('mesh status') : { run: 'r1' });
    }
    const entries = await audit();
    expect(entries.filter(({ who }) => who === 'Eve')).toHaveLength(auditEntriesPerHour + 1);
    expect(entries[0]).toMatchObject({
      who: 'Eve',
      what: expect.stringContaining('further ones are counted') as string,
    });
    as({ userId: 'u1', name: 'Root', role: 'admin' });
    await call('runs.cancel', { run: 'r2' });
    expect((await audit())[0]).toMatchObject({ who: 'Root', what: 'meshdeck runs cancel r2' });
    pass(3_600_000);
    as(viewer);
    await call('command.run', run('mesh status'));
    expect((await audit()).slice(0, 2)).toMatchObject([
      { who: 'Eve', what: 'mesh status' },
      { who: 'Eve', what: '50 more entries of the hour were counted and not written' },
    ]);
    await dispatcher.stop();
    expect(await audit()).toHaveLength(auditEntriesPerHour + 5);
  });

  it.each([
    '.env PASSWORD hunter22',
    '.e PASSWORD hunter22',
    '.en PASSWORD "hunter22 and more"',
    '".env" PASSWORD hunter22',
    `.e'n'v PASSWORD hunter22`,
    'mesh send all .env PASSWORD hunter22',
    'namespace foo .csv true .env PASSWORD hunter22',
    '  .env\tPASSWORD\thunter22',
    'mesh send node[1-4] ".env" "PASSWORD" "hunter22"',
  ])('has no value of a variable: %s', async (line) => {
    const { call, fleet, audit } = await setUp({ hasUser: false });
    await call('command.run', run(line));
    expect(fleet.commands).toMatchObject([{ line }]);
    const [entry] = await audit();
    expect(JSON.stringify(entry)).not.toContain('hunter22');
    expect(entry?.what).toContain('PASSWORD');
    expect(entry?.what).toContain('••••••');
  });

  it('has no value of a variable in the reason of a refusal', async () => {
    const { call, fleet, audit } = await setUp({ hasUser: false });
    const line = '.env PASSWORD hunter22 more';
    fleet.runCommand = () => Promise.reject(new AppError('invalid', `invalid command: \`${line}\``));
    expect(JSON.stringify(await call('command.run', run(line)))).toContain('hunter22');
    expect(JSON.stringify(await audit())).not.toContain('hunter22');
    expect(await audit()).toMatchObject([{ result: 'failed', message: expect.stringContaining('PASSWORD') as string }]);
  });

  it.each(['.env', '.env NAME', 'mesh status', 'vm info'])('has %s as it was typed', async (line) => {
    const { call, audit } = await setUp({ hasUser: false });
    await call('command.run', run(line));
    expect(await audit()).toMatchObject([{ what: line }]);
  });
});

describe('text that cannot be shown', () => {
  /** Every text in an input, by its path; secrets may hold anything. */
  const textsOf = (value: unknown, path: string[] = []): string[][] => {
    if (typeof value === 'string') return [path];
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([key, inner]) => textsOf(inner, [...path, key]));
  };
  const secret = new Set(['secrets', 'password', 'old']);
  const withText = (value: unknown, [key, ...rest]: string[], text: string): unknown =>
    key === undefined
      ? text
      : { ...(value as object), [key]: withText((value as Record<string, unknown>)[key], rest, text) };
  const examples = methodNames.flatMap((name) => {
    const example =
      name === 'plans.make'
        ? { kind: 'deploy', form: { nodes: 'a' }, secrets: { a: 'b' } }
        : browserMethods[name].example;
    return textsOf(example).map((path) => ({ name, example, path, field: path.join('.') }));
  });

  it('is looked for in many fields', () => {
    expect(examples.length).toBeGreaterThan(30);
  });

  it.each(examples)('is refused in $name, $field, by the name of the field', async ({ name, example, path }) => {
    const { call, runs, fleet } = await setUp({ hasUser: false });
    const isSecret = path.some((key) => secret.has(key));
    for (const bad of ['\u0000', '\u001b[2J', '\u009b', '\u202e', '\u2066', '\u200f', '\u2028']) {
      const ack = await call(name, withText(example, path, `nod${bad}e1-abcdefgh`));
      if (isSecret) {
        expect(JSON.stringify(ack)).not.toContain('cannot be shown');
        continue;
      }
      // Some fields take a few words only, or an address: their own error stands.
      expect(ack).toMatchObject({ ok: false, error: { code: 'invalid' } });
      expect(JSON.stringify(ack)).toContain(path[0]!);
    }
    if (isSecret) return;
    expect([runs.asked, fleet.commands]).toEqual([[], []]);
  });

  it('a name has one line; a pasted list has many', async () => {
    const { call } = await setUp();
    const user = { name: 'Ann\nB', email: 'a@example.org', role: 'viewer', password: 'p'.repeat(12) };
    expect(await call('users.create', user)).toMatchObject({
      error: { message: 'name has the character U+000A, which cannot be shown: remove it' },
    });
    expect(await call('users.create', { ...user, name: 'Añn 李 O’Neil' })).toMatchObject({ ok: true });
    expect(
      await call('plans.make', { kind: 'deploy', form: { nodes: 'node1\nnode2\tx' }, secrets: { a: '\u0000' } }),
    ).toMatchObject({ ok: true });
    expect(await call('plans.make', { kind: 'deploy', form: { nodes: 'node1\u0000' }, secrets: {} })).toMatchObject({
      error: { code: 'invalid', detail: { field: 'nodes' } },
    });
  });
});

describe('following a run', () => {
  const event = { event: 'run', run: 'r1', summary: testSummary } as const;

  it('holds back what happens before the view is sent', async () => {
    const { dispatcher, connection, runs, events } = await setUp();
    runs.whileSubscribing = () => runs.push(event);
    const { ack, after } = await dispatcher.call(connection, 'runs.subscribe', { run: 'r1' });
    expect(ack.ok).toBe(true);
    expect(events).toEqual([]);
    after();
    runs.push(event);
    expect(events).toEqual([
      ['run.event', event],
      ['run.event', event],
    ]);
  });

  it('hears each event once after it subscribed twice, and none after it left', async () => {
    const { dispatcher, connection, runs, events, call } = await setUp();
    for (let turn = 0; turn < 2; turn += 1) {
      const { after } = await dispatcher.call(connection, 'runs.subscribe', { run: 'r1' });
      after();
    }
    runs.push(event);
    expect(events).toHaveLength(1);
    await call('runs.unsubscribe', { run: 'r1' });
    runs.push(event);
    expect(events).toHaveLength(1);
    expect(connection.follows.size).toBe(0);
  });
});

describe('commands of the terminal', () => {
  it('cancels by call id', async () => {
    const { call } = await setUp();
    const command = { call: 'c1', cluster: '', node: 'node1', line: 'wait', timeoutMs: 1_000 };
    const running = call('command.run', command);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await call('command.run', command)).toMatchObject({ ok: false, error: { code: 'conflict' } });
    await call('command.cancel', { call: 'c1' });
    expect(await running).toMatchObject({ ok: false, error: { code: 'cancelled' } });
  });
});
