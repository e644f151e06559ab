// The console as a whole, over real HTTP, TLS and socket.io: what is closed stays closed, and what is open works. Fleet and
// runs are in memory; pages are those of the production build.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer, request as tlsRequest } from 'node:https';
import { connect as tcpConnect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { io, type Socket } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { browserMethods } from '../contract/browser.ts';
import { headersTimeoutMs } from '../contract/console-limits.ts';
import { httpPaths } from '../contract/http-paths.ts';
import { installFiles } from '../contract/install-files.ts';
import { maxFormBytes, maxSocketFrameBytes } from '../contract/limits.ts';
import type { Ack } from '../contract/method.ts';
import { triesBeforeLock, triesPerAddress } from './auth/login-guard.ts';
import { parseConfig } from './config.ts';
import { createSelfSigned, fingerprintOf } from './http/certificate.ts';
import type { Log } from './ports.ts';
import { startServer } from './start.ts';
import { readVersion } from './version.ts';
import {
  createTestFleet,
  createTestRuns,
  emptyDelta,
  silentLog,
  type TestFleet,
  type TestRuns,
} from './parts-for-tests.ts';

const root = new URL('..', import.meta.url).pathname;
const admin = { name: 'Root', email: 'root@example.org', password: 'correct horse battery' };

interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

function send(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string; localAddress?: string } = {},
): Promise<HttpAnswer> {
  const make = url.startsWith('https:') ? tlsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, localAddress } = options;
    // An own agent: a kept connection would hold the server's stop.
    // The path as it is written: the URL parser would take `..` out before the server sees it.
    const path = url.replace(/^https?:\/\/[^/]+/, '');
    const outgoing = make(
      url,
      { method, headers, path, agent: false, rejectUnauthorized: false, timeout: 60_000, localAddress },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
        response.on('error', reject);
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${url}: no answer`))).on('error', reject);
    outgoing.end(body);
  });
}

const post = (url: string, body: unknown, headers: Record<string, string> = {}, from: { localAddress?: string } = {}) =>
  send(url, {
    ...from,
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', origin: new URL(url).origin, ...headers },
  });
const cookieOf = ({ headers }: HttpAnswer) =>
  (headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');

const sockets: Socket[] = [];
/** Resolves when it is connected; rejects with the refusal. */
function connect(
  url: string,
  options: { cookie?: string; origin?: string; token?: string; version?: string },
): Promise<Socket> {
  const socket = io(url, {
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    rejectUnauthorized: false,
    extraHeaders: {
      ...(options.cookie === undefined ? {} : { cookie: options.cookie }),
      ...(options.origin === undefined ? {} : { origin: options.origin }),
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    },
    auth: {
      ...(options.version === undefined ? {} : { version: options.version }),
    },
  });
  sockets.push(socket);
  return new Promise((resolve, reject) => {
    socket.on('connect', () => resolve(socket)).on('connect_error', reject);
  });
}
/** The status with which an upgrade is refused; 101 for one that is let in, 0 for a connection that ends without a word. */
function upgrade(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const key = { 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' };
  return new Promise((resolve) => {
    const outgoing = httpRequest(url, {
      agent: false,
      path: url.replace(/^https?:\/\/[^/]+/, ''),
      headers: { connection: 'Upgrade', upgrade: 'websocket', ...key, ...headers },
    });
    outgoing.on('upgrade', (_answer, socket) => {
      socket.destroy();
      resolve(101);
    });
    outgoing.on('response', (answer) => resolve(answer.resume().statusCode ?? 0));
    outgoing.on('error', () => resolve(0)).end();
  });
}
const call = (socket: Socket, name: string, input: unknown) =>
  socket.timeout(60_000).emitWithAck(name, input) as Promise<Ack<unknown>>;
const once = (socket: Socket, event: string) =>
  new Promise<unknown>((resolve) => socket.once(event, (data: unknown) => resolve(data)));

/** Every page of the build, with its parameters filled in. */
function builtPages(): string[] {
  const path = join(root, '.next/app-path-routes-manifest.json');
  if (!existsSync(path)) throw new Error(`${path} is missing: run npm run build`);
  const routes = Object.values(z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(path, 'utf8'))));
  return routes.map((route) => route.replace(/\[\[?(?:\.\.\.)?(\w+)\]?\]/g, 'node1'));
}

/** Every file of the build below `part`, as a path that a browser could try. */
function builtFiles(part: string): string[] {
  return readdirSync(join(root, '.next', part), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(root, '.next').length));
}

let folder = '';
let fleet: TestFleet;
let runs: TestRuns;
const stops: (() => Promise<void>)[] = [];

async function start(argv: readonly string[] = [], data = 'data', log: Partial<Log> = {}) {
  fleet = createTestFleet();
  runs = createTestRuns();
  const config = parseConfig(['--data', join(folder, data), '--listen', '127.0.0.1:0', ...argv], {});
  const running = await startServer(config, {
    createFleet: () => fleet,
    createRuns: () => runs,
    log: { ...silentLog, error: (text) => process.stderr.write(`${text}\n`), ...log },
  });
  stops.push(() => running.stop());
  return running;
}

async function makeAdmin(running: { url: string; setupLink: string | null }) {
  const token = new URL(running.setupLink ?? '').searchParams.get('token');
  const answer = await post(`${running.url}${httpPaths.createFirstAdmin}`, { ...admin, token });
  return { answer, cookie: cookieOf(answer) };
}

beforeAll(() => {
  Object.assign(process.env, { NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' });
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

describe('without a session', () => {
  let url = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshdeck-start-'));
    url = (await start()).url;
  });
  afterAll(async () => {
    for (const stop of stops.splice(0)) await stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('answers no page but the login and the set-up, whatever asks and how', async () => {
    const pages = builtPages();
    expect(pages.length).toBeGreaterThan(10);
    const guesses = pages.flatMap((page) => [
      `${page}.rsc`,
      `${page}.txt`,
      `/_next/data/x${page}.json`,
      `${page}?_rsc=x`,
    ]);
    const open = ['/login', '/setup', '/icon.svg', ...installFiles];
    for (const page of [
      ...pages,
      ...guesses,
      '/no-such-page',
      '/index.rsc',
      '/_next/image?url=x',
      '/_next/webpack-hmr',
    ]) {
      if (open.includes(page.split('?')[0] ?? '')) {
        expect([page, (await send(`${url}${page}`)).status]).toEqual([page, 200]);
        continue;
      }
      const shown = [{ accept: 'text/html' }, { rsc: '1' }, { 'x-middleware-subrequest': 'middleware' }];
      for (const headers of [...shown, { 'next-action': '7f0000000000000000000000000000000000000000' }]) {
        const isAction = 'next-action' in headers;
        const answer = await send(`${url}${page}`, { method: isAction ? 'POST' : 'GET', headers });
        const expected = isAction ? 405 : 'accept' in headers ? 303 : 401;
        expect([page, headers, answer.status]).toEqual([page, headers, expected]);
        expect(answer.text).not.toContain('<html');
      }
    }
  });

  it('sends a page to the login and back to where it was', async () => {
    const { headers } = await send(`${url}/nodes?sort=load`, { headers: { accept: 'text/html' } });
    expect(headers.location).toBe('/login?next=%2Fnodes%3Fsort%3Dload');
  });

  it('answers no API route but health, login and set-up', async () => {
    // Of the whole table: a path that is added there is walked here.
    const open: readonly string[] = [httpPaths.health, httpPaths.login, httpPaths.setup];
    for (const path of open) expect([path, (await send(`${url}${path}`)).status]).toEqual([path, 200]);
    // Signing out twice is not an error, and reveals nothing.
    const signOut = await send(`${url}${httpPaths.signOut}`, { method: 'POST', headers: { origin: url } });
    expect([signOut.status, signOut.text]).toEqual([200, '{}']);
    const closed = Object.values(httpPaths).filter((path) => !open.includes(path) && path !== httpPaths.signOut);
    const auth = ['get-session', 'sign-up/email', 'list-sessions', 'change-password', 'admin/list-users'];
    const guesses = [...auth.map((path) => `/api/auth/${path}`), '/api/', '/api/nope', '/api/auth/../health'];
    for (const path of [...closed, ...guesses, '/socket.io/?EIO=4&transport=polling', '/socket.io/socket.io.js']) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']) {
        const { status } = await send(`${url}${path}`, { method, headers: { origin: url } });
        expect([path, method, status, status >= 400 && status < 500]).toEqual([path, method, status, true]);
      }
    }
  });

  it('gives every asset that is compiled for a page, and nothing else of the build', async () => {
    const assets = builtFiles('static');
    expect(assets.length).toBeGreaterThan(10);
    for (const path of assets) {
      expect([path, (await send(`${url}/_next${encodeURI(path)}`)).status]).toEqual([path, 200]);
    }
    const inner = [
      ...builtFiles('server').filter((path) => !path.endsWith('.map')),
      '/BUILD_ID',
      '/build-manifest.json',
      '/required-server-files.json',
    ];
    const tried = inner.flatMap((path) => [`/_next${path}`, `/_next/static/..${path}`]);
    for (const path of [
      ...tried,
      '/.next/BUILD_ID',
      '/BUILD_ID',
      '/package.json',
      '/_next/static/%2e%2e/BUILD_ID',
      '/server/main.ts',
    ]) {
      const { status, text } = await send(`${url}${encodeURI(path)}`);
      expect([path, status >= 400 || (status === 303 && text === '')]).toEqual([path, true]);
    }
  });

  it('closes connections whose headers trickle in, and answers others meanwhile', async () => {
    const { port } = new URL(url);
    const dripMs = 250;
    const clients = Array.from({ length: 20 }, () => tcpConnect(Number(port), '127.0.0.1'));
    // Counted, since a busy machine is late with both: with the drips, and with the look at what is slow.
    const drips = await Promise.all(
      clients
        .map(async (client) => {
          let sent = 0;
          client.on('error', () => undefined).write('GET /login HTTP/1.1\r\nHost: x\r\nX-Slow: ');
          const timer = setInterval(() => client.write(String((sent += 1) % 10)), dripMs);
          await new Promise((resolve) => client.resume().once('close', resolve));
          clearInterval(timer);
          return sent;
        })
        .concat(send(`${url}${httpPaths.health}`).then(({ status }) => (status === 200 ? 0 : Infinity))),
    );
    expect(Math.max(...drips)).toBeLessThan((2 * headersTimeoutMs) / dripMs);
  });

  it('connects no socket, whatever it shows', async () => {
    const shown = [{}, { origin: url }, { token: 'mdk_wrong' }, { cookie: 'meshdeck.session_token=x.y', origin: url }];
    for (const options of [...shown, { origin: 'http://evil.example' }]) {
      await expect(connect(url, options)).rejects.toThrow();
    }
  });

  it('opens no stream, whatever it shows, and reads no other name than its own', async () => {
    const path = `${httpPaths.streams}/echo?node=node1`;
    for (const [headers, status] of [
      [{}, 403],
      [{ origin: url }, 401],
      [{ origin: url, cookie: 'meshdeck.session_token=x.y' }, 401],
      [{ authorization: 'Bearer mdk_wrong' }, 401],
      [{ origin: 'http://evil.example' }, 403],
      [{ origin: url, host: 'evil.example' }, 421],
    ] as const) {
      expect(await upgrade(url + path, headers)).toBe(status);
    }
    expect((await send(url + path)).status).toBe(400);
  });

  it('answers no event of a socket that was refused', async () => {
    const socket = io(url, { transports: ['websocket'], reconnection: false, forceNew: true });
    sockets.push(socket);
    await new Promise((resolve) => socket.on('connect_error', resolve));
    const answers: unknown[] = [];
    for (const [name, { example }] of Object.entries(browserMethods)) {
      socket.emit(name, example, (ack: unknown) => answers.push(ack));
    }
    socket.onAny((...event: unknown[]) => answers.push(event));
    fleet.push(emptyDelta);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(answers).toEqual([]);
  });

  it('takes no login or set-up from another site, as a form, or without end', async () => {
    const login = { email: admin.email, password: admin.password };
    const target = `${url}${httpPaths.signIn}`;
    expect((await post(target, login, { origin: 'http://evil.example' })).status).toBe(403);
    expect((await send(target, { method: 'POST', headers: { 'content-type': 'application/json' } })).status).toBe(403);
    expect((await post(target, login, { 'content-type': 'text/plain' })).status).toBe(400);
    expect((await post(target, { ...login, more: 'x'.repeat(maxFormBytes) })).status).toBe(400);
  });

  it('sends headers that keep it out of frames and guesses', async () => {
    const { headers } = await send(`${url}/login`);
    expect(headers).toMatchObject({ 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff' });
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    // No form is sent but by a script: an early Enter in the login must not put the password into the address.
    expect(headers['content-security-policy']).toContain("form-action 'none'");
  });
});

describe('with a session', () => {
  let url = '';
  let cookie = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshdeck-start-'));
    const running = await start();
    url = running.url;
    const made = await makeAdmin(running);
    expect(made.answer).toMatchObject({ status: 200, text: '{}' });
    cookie = made.cookie;
    const again = await makeAdmin(running);
    expect(again.answer.status).toBe(410);
  });
  afterAll(async () => {
    for (const stop of stops.splice(0)) await stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('takes calls and pushes deltas to those who subscribed', async () => {
    const [socket, other] = [await connect(url, { cookie, origin: url }), await connect(url, { cookie, origin: url })];
    expect(await call(socket, 'fleet.subscribe', {})).toMatchObject({ ok: true, data: { Revision: 7 } });
    const heard: unknown[] = [];
    other.onAny((name: unknown) => heard.push(name));
    const delta = once(socket, 'fleet.delta');
    fleet.push(emptyDelta);
    expect(await delta).toEqual(emptyDelta);
    expect(await call(other, 'session.current', {})).toMatchObject({ ok: true, data: { user: { role: 'admin' } } });
    expect(heard).toEqual([]);
  });

  it('a console has no services for streams unless it is given some', async () => {
    expect(await upgrade(`${url}${httpPaths.streams}/echo`, { cookie, origin: url })).toBe(404);
    expect(await upgrade(`${url}${httpPaths.streams}/../socket.io/`, { cookie, origin: url })).toBe(0);
  });

  it('does not count a cookie without its origin', async () => {
    await expect(connect(url, { cookie })).rejects.toThrow();
    await expect(connect(url, { cookie, origin: 'http://evil.example' })).rejects.toThrow();
  });

  it('turns a page of another version away, and says what to do', async () => {
    const session = { cookie, origin: url };
    await connect(url, { ...session, version: readVersion() });
    await expect(connect(url, { ...session, version: '0.0.1' })).rejects.toMatchObject({
      message: `it is of version ${readVersion()} now: load the page again`,
      data: { code: 'conflict' },
    });
  });

  it('closes a socket that sends too much, and keeps serving the others', async () => {
    const [socket, other] = [await connect(url, { cookie, origin: url }), await connect(url, { cookie, origin: url })];
    const closed = once(socket, 'disconnect');
    socket.emit('plans.make', { kind: 'deploy', form: { text: 'x'.repeat(maxSocketFrameBytes) }, secrets: {} });
    await closed;
    expect(await call(other, 'runs.list', { limit: 1 })).toMatchObject({ ok: true });
  });

  it('survives events that are not calls', async () => {
    const socket = await connect(url, { cookie, origin: url });
    socket.emit('runs.list');
    socket.emit('runs.list', 1, 2, 3);
    socket.emit('nope', Buffer.from('x'));
    socket.emit('runs.list', { limit: 1 }, { not: 'a function' });
    expect(await call(socket, '__proto__', {})).toMatchObject({ ok: false, error: { code: 'not-found' } });
    expect(await call(socket, 'runs.list', { limit: 1 })).toMatchObject({ ok: true });
  });

  it('lets the CLI in by a token until it is revoked', async () => {
    const browser = await connect(url, { cookie, origin: url });
    const created = await call(browser, 'tokens.create', { name: 'laptop' });
    const { id, token } = z.object({ id: z.string(), token: z.string() }).parse(created.ok && created.data);
    const cli = await connect(url, { token });
    expect(await call(cli, 'users.list', {})).toMatchObject({ ok: true });
    const ended = once(cli, 'session.ended');
    await call(browser, 'tokens.revoke', { token: id });
    expect(await ended).toEqual({ reason: 'This token was revoked.' });
    await expect(connect(url, { token })).rejects.toThrow();
  });

  it('ends the sockets of sessions that were logged out elsewhere, and of a removed user', async () => {
    const here = await connect(url, { cookie, origin: url });
    const there = cookieOf(await post(`${url}${httpPaths.signIn}`, { email: admin.email, password: admin.password }));
    const elsewhere = await connect(url, { cookie: there, origin: url });
    const ended = once(elsewhere, 'session.ended');
    await call(here, 'sessions.revokeOthers', {});
    expect(await ended).toMatchObject({ reason: expect.stringContaining('another place') as string });
    expect((await send(`${url}/`, { headers: { cookie: there } })).status).toBe(401);

    const eve = { name: 'Eve', email: 'eve@example.org', role: 'viewer', password: 'p'.repeat(12) };
    const created = await call(here, 'users.create', eve);
    const { id } = z.object({ id: z.string() }).parse(created.ok && created.data);
    const eveCookie = cookieOf(await post(`${url}${httpPaths.signIn}`, { email: eve.email, password: eve.password }));
    const eveSocket = await connect(url, { cookie: eveCookie, origin: url });
    expect(await call(eveSocket, 'users.list', {})).toMatchObject({ ok: false, error: { code: 'refused' } });
    expect((await send(`${url}${httpPaths.auditExport}`, { headers: { cookie: eveCookie } })).status).toBe(403);
    expect((await send(`${url}${httpPaths.bridgeEvidence}`, { headers: { cookie: eveCookie } })).status).toBe(403);
    const gone = once(eveSocket, 'session.ended');
    await call(here, 'users.remove', { user: id });
    await gone;
  });

  it('exports what happened, harmless for a spreadsheet', async () => {
    await post(`${url}${httpPaths.signIn}`, { email: 'x@example.org', password: 'wrong' });
    const socket = await connect(url, { cookie, origin: url });
    await call(socket, 'command.run', {
      call: 'c',
      cluster: '',
      node: '=cmd()',
      line: 'mesh "status"',
      timeoutMs: 1_000,
    });
    const { text, headers } = await send(`${url}${httpPaths.auditExport}`, { headers: { cookie } });
    expect(headers['content-type']).toContain('text/csv');
    expect(text).toContain('"x@example.org","login from 127.0.0.1","console","refused","wrong address or password"');
    expect(text).toContain(`"mesh ""status""","'=cmd()","ok"`);
    expect(text).not.toContain(admin.password);
    const some = await send(`${url}${httpPaths.auditExport}?text=${encodeURIComponent('X@example')}`, {
      headers: { cookie },
    });
    expect(some.text.trimEnd().split('\r\n')).toEqual([
      'time,who,what,where,result,message',
      expect.stringContaining('"x@example.org","login from 127.0.0.1"'),
    ]);
    const long = await send(`${url}${httpPaths.auditExport}?text=${'x'.repeat(201)}`, { headers: { cookie } });
    expect(long.status).toBe(400);
  });

  it('hands the evidence of a bridge to operators, as a file', async () => {
    const evidence = (step: string) => `${url}${httpPaths.bridgeEvidence}?run=r1&step=${encodeURIComponent(step)}`;
    expect((await send(evidence('ensureBridge node1'))).status).toBe(401);
    const { status, text, headers } = await send(evidence('ensureBridge node1'), { headers: { cookie } });
    expect([status, text]).toEqual([200, 'evidence']);
    expect(headers['content-disposition']).toBe('attachment; filename="bridge-r1.tar.gz"');
    expect((await send(evidence('another'), { headers: { cookie } })).status).toBe(404);
  });

  it('logs out: the cookie is worth nothing afterwards', async () => {
    const own = cookieOf(await post(`${url}${httpPaths.signIn}`, { email: admin.email, password: admin.password }));
    expect((await post(`${url}${httpPaths.signOut}`, {}, { cookie: own })).status).toBe(200);
    expect((await send(`${url}/`, { headers: { cookie: own } })).status).toBe(401);
  });
});

describe('TLS', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshdeck-start-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  it('is made automatically on an address other than the loopback, with a cookie for TLS only', async () => {
    const running = await start(['--listen', '0.0.0.0:0'], 'self-signed');
    expect(running.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(running.url).toMatch(/^https:/);
    const url = running.url.replace('0.0.0.0', '127.0.0.1');
    const { answer, cookie } = await makeAdmin({ url, setupLink: running.setupLink });
    expect(answer.headers['set-cookie']?.[0]).toContain('; Secure');
    const socket = await connect(url, { cookie, origin: url });
    expect(await call(socket, 'runs.list', { limit: 1 })).toMatchObject({ ok: true });
    await running.stop();
    const again = await start(['--listen', '0.0.0.0:0'], 'self-signed');
    expect(again.fingerprint).toBe(running.fingerprint);
    expect(again.setupLink).toBeNull();
    const modes = await readdir(join(folder, 'self-signed', 'tls'));
    expect(modes.sort()).toEqual(['console.crt', 'console.key']);
  });

  it('uses given files, and refuses those that do not fit together', async () => {
    const [one, two] = [await createSelfSigned(['localhost'], Date.now()), await createSelfSigned(['x'], Date.now())];
    const path = (name: string) => join(folder, name);
    await writeFile(path('one.crt'), one.cert);
    await writeFile(path('one.key'), one.key);
    await writeFile(path('two.key'), two.key);
    const given = (key: string) => ['--tls-cert', path('one.crt'), '--tls-key', path(key)];
    await expect(start(given('two.key'), 'given')).rejects.toThrow(/cannot use .*one.crt with .*two.key/);
    const running = await start(given('one.key'), 'given');
    expect((await send(`${running.url}${httpPaths.health}`)).status).toBe(200);
  });

  it('takes up files that change while it runs, once both fit, and keeps the connections', async () => {
    const path = (name: string) => join(folder, name);
    const [old, renewed] = [
      await createSelfSigned(['localhost'], Date.now()),
      await createSelfSigned(['x'], Date.now()),
    ];
    await writeFile(path('live.crt'), old.cert);
    await writeFile(path('live.key'), old.key);
    const warnings: string[] = [];
    const flags = ['--tls-cert', path('live.crt'), '--tls-key', path('live.key')];
    const running = await start(flags, 'live', { warn: (text) => warnings.push(text) });
    const shown = () =>
      new Promise<string>((resolve, reject) => {
        const { port } = new URL(running.url);
        const socket = tlsConnect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false }, () => {
          resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
          socket.destroy();
        });
        socket.on('error', reject);
      });
    expect(await shown()).toBe(fingerprintOf(old));
    const { cookie } = await makeAdmin(running);
    const socket = await connect(running.url, { cookie, origin: running.url });
    await writeFile(path('live.crt'), renewed.cert);
    await expect.poll(() => warnings.join()).toContain('the old certificate stays in use');
    expect(await shown()).toBe(fingerprintOf(old));
    await writeFile(path('live.key'), renewed.key);
    await expect.poll(shown, { interval: 500 }).toBe(fingerprintOf(renewed));
    expect(await call(socket, 'runs.list', { limit: 1 })).toMatchObject({ ok: true });
  });
});

describe('over a restart and over time', () => {
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshdeck-start-'));
  });
  afterEach(async () => {
    vi.useRealTimers();
    for (const stop of stops.splice(0)) await stop();
    await rm(folder, { recursive: true, force: true });
  });
  /** From an address where nobody has logged in before, unless another one is named. */
  const logIn = (url: string, password: string, localAddress = '127.0.0.2') =>
    post(`${url}${httpPaths.signIn}`, { email: admin.email, password }, {}, { localAddress });

  it('an address that guessed waits, and neither a session does nor the owner where it logged in before', async () => {
    const first = await start();
    const { cookie } = await makeAdmin(first);
    for (let turn = 0; turn < triesBeforeLock; turn += 1) await logIn(first.url, 'wrong');
    expect(await logIn(first.url, admin.password)).toMatchObject({ status: 429 });
    await first.stop();
    // On the port of before: it is part of the cookie's name.
    const { url } = await start(['--listen', new URL(first.url).host]);
    const answer = await logIn(url, admin.password);
    expect([answer.status, answer.text]).toEqual([429, expect.stringContaining('wait 15 minutes')]);
    expect(await logIn(url, admin.password, '127.0.0.1')).toMatchObject({ status: 200 });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(800);
    const socket = await connect(url, { cookie, origin: url });
    expect(await call(socket, 'users.list', {})).toMatchObject({
      ok: true,
      data: [{ lockedUntil: expect.any(Number) as number }],
    });
  });

  it('a flood of tries is in the audit log once, and one of wrong links meets the same limit', async () => {
    const running = await start();
    const { url } = running;
    const { cookie } = await makeAdmin(running);
    for (let turn = 0; turn < triesBeforeLock + 4; turn += 1) await logIn(url, 'wrong');
    const link = { ...admin, token: 'made-up' };
    const statuses: number[] = [];
    for (let turn = 0; turn < triesPerAddress + 5; turn += 1) {
      statuses.push((await post(`${url}${httpPaths.createFirstAdmin}`, link)).status);
    }
    expect(statuses.at(0)).toBe(410);
    expect(statuses.slice(-6)).toEqual([429, 429, 429, 429, 429, 429]);
    const socket = await connect(url, { cookie, origin: url });
    const list = async (text: string) => {
      const ack = await call(socket, 'audit.list', { before: null, limit: 1_000, text });
      return z.array(z.object({ message: z.string() })).parse(ack.ok && ack.data);
    };
    expect((await list('login from')).map(({ message }) => message)).toEqual([
      expect.stringContaining('wait 15 minutes'),
      ...Array.from({ length: triesBeforeLock }, () => 'wrong address or password'),
    ]);
    const refused = (await list('set up from')).filter(({ message }) => !message.startsWith('made'));
    // The lock-out's first refusal, and the tries before it; the right link counts for the address too.
    expect(refused).toHaveLength(triesPerAddress - 1 + 1);
    expect(refused[0]!.message).toContain('Too many tries');
  });

  it('a session that expires while its page is open ends at the next call, which does nothing', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const running = await start();
    const { cookie } = await makeAdmin(running);
    const { url } = running;
    const socket = await connect(url, { cookie, origin: url });
    expect(await call(socket, 'runs.start', { plan: 'p1', secrets: {} })).toMatchObject({ ok: true });
    // The server keeps this clock; the client, which would miss its heartbeats, gets the real one back.
    vi.setSystemTime(Date.now() + 8 * 24 * 3_600_000);
    vi.useRealTimers();
    const ended = once(socket, 'session.ended');
    socket.emit('runs.cancel', { run: 'r1' });
    expect(await ended).toEqual({ reason: 'Your session ended: log in again.' });
    expect(runs.asked).toEqual(['start p1']);
  });
});

describe('behind a reverse proxy', () => {
  let front = '';
  let direct = '';
  const closers: (() => void)[] = [];
  /** TLS outside, plain inside, with the headers that proxies add. */
  const startProxy = async (target: string) => {
    const certificate = await createSelfSigned(['localhost'], Date.now());
    const { hostname, port } = new URL(target);
    const forward = (request: IncomingMessage) => ({
      host: hostname,
      port,
      method: request.method,
      path: request.url,
      agent: false,
      headers: {
        ...request.headers,
        host: `${hostname}:${port}`,
        'x-forwarded-host': request.headers.host,
        'x-forwarded-proto': 'https',
        'x-forwarded-for': [request.headers['x-forwarded-for'], request.socket.remoteAddress]
          .filter(Boolean)
          .join(', '),
      },
    });
    const proxy = createTlsServer(certificate, (request, response) => {
      const inner = httpRequest(forward(request), (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      inner.on('error', () => response.destroy());
      request.pipe(inner);
    });
    proxy.on('upgrade', (request, socket) => {
      const inner = httpRequest(forward(request));
      inner.on('upgrade', (answer, tunnel, head) => {
        const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${String(value)}`);
        socket.write(['HTTP/1.1 101 Switching Protocols', ...headers, '', ''].join('\r\n'));
        socket.write(head);
        tunnel.pipe(socket).pipe(tunnel);
        tunnel.on('error', () => socket.destroy());
        socket.on('error', () => tunnel.destroy());
      });
      inner.on('response', () => socket.destroy()).on('error', () => socket.destroy());
      inner.end();
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      proxy.close();
      proxy.closeAllConnections();
    });
    return `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  };
  const startBehind = async (trusted: string) => {
    const running = await start(['--trust-proxy', trusted], trusted);
    direct = running.url;
    front = await startProxy(direct);
    return running;
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshdeck-start-'));
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.close();
    for (const close of closers.splice(0)) close();
    for (const stop of stops.splice(0)) await stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('one that is configured is believed: cookies for TLS, its own origin, and the client that it saw', async () => {
    const { setupLink } = await startBehind('127.0.0.1');
    const { answer, cookie } = await makeAdmin({ url: front, setupLink });
    expect(answer.status).toBe(200);
    expect(answer.headers['set-cookie']?.[0]).toContain('; Secure');
    const forged = { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-proto': 'http', 'x-forwarded-host': 'evil.example' };
    const login = { email: admin.email, password: 'wrong' };
    // Another address of this machine, so that client and proxy differ.
    const from = { localAddress: '127.0.0.5' };
    expect((await post(`${front}${httpPaths.signIn}`, login, forged, from)).status).toBe(401);
    expect((await post(`${front}${httpPaths.signIn}`, login, { origin: direct })).status).toBe(403);
    expect((await post(`${front}${httpPaths.signIn}`, login, { origin: 'https://evil.example' })).status).toBe(403);
    const socket = await connect(front, { cookie, origin: front });
    const audit = await call(socket, 'audit.list', { before: null, limit: 10, text: 'login from' });
    expect(audit).toMatchObject({ ok: true, data: [{ what: 'login from 127.0.0.5' }] });
    await expect(connect(front, { cookie, origin: direct })).rejects.toThrow();
    await expect(connect(front, { cookie, origin: 'https://evil.example' })).rejects.toThrow();
  });

  it('one that says another name or a path is answered with what is wrong, which is in the log too', async () => {
    const logged: string[] = [];
    const { url } = await start(['--trust-proxy', '127.0.0.1'], 'named', { warn: (text) => logged.push(text) });
    const foreign = await send(`${url}/login`, { headers: { host: 'evil.example' } });
    expect([foreign.status, foreign.text]).toEqual([421, expect.stringContaining('--name evil.example') as string]);
    const prefixed = await send(`${url}/login`, { headers: { 'x-forwarded-prefix': '/meshdeck' } });
    expect([prefixed.status, prefixed.text]).toEqual([
      421,
      expect.stringContaining('under the path /meshdeck') as string,
    ]);
    const login = { email: admin.email, password: 'wrong' };
    const proxied = { origin: 'https://lab.example', 'x-forwarded-proto': 'http', 'x-forwarded-host': '127.0.0.1' };
    expect((await post(`${url}${httpPaths.signIn}`, login, proxied)).status).toBe(403);
    expect(logged).toEqual([
      expect.stringContaining('evil.example'),
      expect.stringContaining('/meshdeck'),
      expect.stringMatching(/X-Forwarded-(Proto|Host)/),
    ]);
  });

  it('any other is not: what it forwards is forged for all we know', async () => {
    const { setupLink } = await startBehind('10.0.0.9');
    const { answer } = await makeAdmin({ url: front, setupLink });
    expect(answer.status).toBe(403);
    const { answer: inner, cookie } = await makeAdmin({ url: direct, setupLink });
    expect(inner.headers['set-cookie']?.[0]).not.toContain('Secure');
    await expect(connect(front, { cookie, origin: front })).rejects.toThrow();
    const stranger = { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
    const login = { email: admin.email, password: 'wrong' };
    expect((await post(`${direct}${httpPaths.signIn}`, login, stranger)).status).toBe(401);
    const socket = await connect(direct, { cookie, origin: direct });
    const audit = await call(socket, 'audit.list', { before: null, limit: 10, text: 'login from' });
    expect(audit).toMatchObject({ ok: true, data: [{ what: 'login from 127.0.0.1' }] });
  });
});
