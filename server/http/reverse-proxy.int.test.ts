// The configurations of docs/reverse-proxy.md as they are printed there, each run by Debian's own package as a process of ours
// on the loopback: login, live connection, and what a client may not forge.
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { httpPaths } from '../../contract/http-paths.ts';
import type { Ack } from '../../contract/method.ts';
import { startChild } from '../../host/child.ts';
import { parseConfig } from '../config.ts';
import { startServer } from '../start.ts';
import { silentLog, testMakers } from '../parts-for-tests.ts';
import { createSelfSigned } from './certificate.ts';

const deadlineMs = 60_000;
const admin = { name: 'Root', email: 'root@node1', password: 'correct horse battery' };
const guide = readFileSync(new URL('../../docs/reverse-proxy.md', import.meta.url), 'utf8');

/** What a person has around the printed lines: where logs and the like go, without touching the machine's own. */
const proxies = {
  nginx: {
    program: '/usr/sbin/nginx',
    argv: (file: string, folder: string) => ['-e', join(folder, 'error.log'), '-c', file],
    around: (lines: string, folder: string) =>
      [
        `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log; events {}`,
        'http { access_log off;',
        ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`),
        lines,
        '}',
      ].join('\n'),
  },
  caddy: {
    program: '/usr/bin/caddy',
    argv: (file: string) => ['run', '--adapter', 'caddyfile', '--config', file],
    around: (lines: string) => `{\n admin off\n auto_https disable_redirects\n}\n${lines}`,
  },
  apache: {
    program: '/usr/sbin/apache2',
    argv: (file: string) => ['-DFOREGROUND', '-f', file],
    around: (lines: string, folder: string) =>
      [
        ...['mpm_event', 'authz_core', 'socache_shmcb', 'ssl', 'headers', 'proxy', 'proxy_http'].map(
          (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
        ),
        `ServerRoot ${folder}`,
        `DefaultRuntimeDir ${folder}`,
        `PidFile ${folder}/apache.pid`,
        `ErrorLog ${folder}/error.log`,
        'ServerName localhost',
        'User www-data',
        'Group www-data',
        'Listen 443',
        lines,
      ].join('\n'),
  },
} as const;

const stops: (() => Promise<void> | void)[] = [];
let folder = '';

beforeEach(async () => {
  Object.assign(process.env, { NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' });
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-proxy-'));
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await rm(folder, { recursive: true, force: true });
}, deadlineMs);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs the printed lines with this port, console and certificate in place of the printed ones. */
async function startProxy(name: keyof typeof proxies, consolePort: number): Promise<string> {
  const { program, argv, around } = proxies[name];
  if (!existsSync(program)) throw new Error(`${program} is missing: scripts/setup.sh installs it`);
  const printed = new RegExp(`\`\`\`${name}\n(.*?)\`\`\``, 's').exec(guide)?.[1];
  if (printed === undefined) throw new Error(`docs/reverse-proxy.md has no configuration of ${name}`);
  const port = await freePort();
  const own = join(folder, name);
  await mkdir(own);
  const { cert, key } = await createSelfSigned(['localhost'], Date.now());
  await writeFile(join(folder, 'deck.crt'), cert);
  await writeFile(join(folder, 'deck.key'), key);
  const lines = around(printed, own)
    .replaceAll('/etc/ssl/deck', join(folder, 'deck'))
    .replaceAll('127.0.0.1:3000', `127.0.0.1:${consolePort}`)
    .replaceAll('deck.example.org', name === 'caddy' ? `https://localhost:${port}` : 'localhost')
    .replace(/^( *listen|Listen) 443/gm, `$1 127.0.0.1:${port}`)
    .replace('*:443', `*:${port}`);
  const file = join(folder, `${name}.conf`);
  await writeFile(file, lines);
  let said = '';
  let isOver = false;
  const child = await startChild([program, ...argv(file, own)], {
    env: { HOME: own, XDG_DATA_HOME: own, XDG_CONFIG_HOME: own },
    onLine: (line) => (said += `${line}\n`),
  });
  void child.ended.then(() => (isOver = true));
  stops.push(async () => {
    await child.stop(10_000);
  });
  const url = `https://localhost:${port}`;
  await vi
    .waitUntil(async () => !isOver && (await send(url, httpPaths.health).catch(() => null))?.status === 200, {
      timeout: deadlineMs,
      interval: 200,
    })
    .catch(() => {
      throw new Error(`${name} does not hand on requests: ${said}`);
    });
  return url;
}

interface Sent {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}
function send(
  url: string,
  path: string,
  options: { body?: unknown; headers?: Record<string, string>; localAddress?: string } = {},
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const { body, headers, localAddress } = options;
    const make = url.startsWith('https:') ? tlsRequest : request;
    const outgoing = make(
      `${url.replace('localhost', '127.0.0.1')}${path}`,
      {
        method: body === undefined ? 'GET' : 'POST',
        agent: false,
        rejectUnauthorized: false,
        servername: 'localhost',
        timeout: deadlineMs,
        localAddress,
        headers: { host: new URL(url).host, 'content-type': 'application/json', origin: url, ...headers },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer'))).on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function connect(url: string, cookie: string, origin = url): Promise<Socket> {
  const socket = io(url, {
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    rejectUnauthorized: false,
    extraHeaders: { cookie, origin },
  });
  stops.push(() => void socket.close());
  await new Promise<void>((resolve, reject) => socket.on('connect', resolve).on('connect_error', reject));
  return socket;
}

async function startConsole() {
  const flags = ['--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--trust-proxy', 'localhost'];
  const running = await startServer(parseConfig(flags, {}), { ...testMakers, log: silentLog });
  stops.push(() => running.stop());
  return { port: Number(new URL(running.url).port), token: new URL(running.setupLink ?? '').searchParams.get('token') };
}

describe('the printed configuration of', () => {
  it.each(['nginx', 'caddy', 'apache'] as const)(
    '%s gives login and live connection, with the client that it saw and nothing that a client forged',
    async (name) => {
      const { port, token } = await startConsole();
      const url = await startProxy(name, port);
      const outside = new URL(url).port;
      const forged = {
        'x-forwarded-for': '6.6.6.6',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'http',
        'x-forwarded-port': '1',
        forwarded: 'for=6.6.6.6;host=evil.example;proto=http',
      };
      const made = await send(url, httpPaths.createFirstAdmin, { body: { ...admin, token }, headers: forged });
      expect([made.status, made.text]).toEqual([200, '{}']);
      expect(made.headers['set-cookie']?.[0]).toMatch(new RegExp(`^meshdeck-${outside}\\.session_token=.*; Secure`));
      expect(made.headers['strict-transport-security']).toBe('max-age=31536000');
      const cookie = (made.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');
      const page = await send(url, '/login');
      expect([page.status, page.headers['content-security-policy']]).toEqual([
        200,
        expect.stringContaining(`connect-src 'self' wss://localhost:${outside};`),
      ]);
      const wrong = { email: admin.email, password: 'wrong' };
      const from = await send(url, httpPaths.signIn, { body: wrong, headers: forged, localAddress: '127.0.0.5' });
      expect(from.status).toBe(401);
      const foreign = await send(url, httpPaths.signIn, { body: wrong, headers: { origin: 'https://evil.example' } });
      expect([foreign.status, foreign.text]).toEqual([403, expect.stringContaining('at https://evil.example, but')]);
      const socket = await connect(url, cookie);
      const audit = (await socket.timeout(deadlineMs).emitWithAck('audit.list', {
        before: null,
        limit: 10,
        text: 'login from',
      })) as Ack<unknown>;
      expect(audit).toMatchObject({ ok: true, data: [{ what: 'login from 127.0.0.5' }] });
      await expect(connect(url, cookie, 'https://evil.example')).rejects.toThrow();
    },
    5 * deadlineMs,
  );
});
