import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { encodePcapHeader, encodePcapPacket } from '../../core/capture/pcap.ts';
import type { StreamCall } from '../ports.ts';
import { sendCaptures } from './capture-download.ts';

let server: Server;
let base = '';
let calls: StreamCall[];
let audit: string[];
let open: (call: StreamCall) => Duplex;

const fileOf = (...times: number[]) => [
  encodePcapHeader({ linkType: 1, snaplen: 100 }),
  ...times.map((atUs) => encodePcapPacket({ atUs, length: 4, data: Uint8Array.of(1, 2, 3, atUs % 256) })),
];
const streamOf = (chunks: readonly Uint8Array[]) =>
  Duplex.from({
    readable: (async function* () {
      await Promise.resolve();
      yield* chunks;
    })(),
    writable: new WritableStream(),
  });

beforeEach(async () => {
  [calls, audit] = [[], []];
  open = () => streamOf(fileOf(1, 3));
  server = createServer((request, response) => {
    const query = new URL(request.url ?? '/', 'http://x').searchParams;
    sendCaptures(query, response, {
      fleet: {
        openStream: async (call) => {
          await Promise.resolve();
          calls.push(call);
          return open(call);
        },
      },
      record: (what, result, message) => Promise.resolve(void audit.push(`${what}: ${result} ${message}`.trim())),
    }).catch((error: unknown) => {
      response.statusCode = error instanceof AppError && error.code === 'invalid' ? 400 : 409;
      response.end(error instanceof Error ? error.message : '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/?cluster=c1`;
});
afterEach(() => void server.close());

test('captures of two nodes as one file, in the audit log', async () => {
  const answer = await fetch(`${base}&capture=node1:3:node1/web/0&capture=node2:7:node2/db/1`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect(answer.headers.get('content-disposition')).toContain('2-captures.pcapng');
  expect(bytes.readUInt32LE(0)).toBe(0x0a0d0d0a);
  for (const name of ['node1/web/0', 'node2/db/1']) expect(bytes.includes(name)).toBe(true);
  expect(calls.map(({ node, service, args }) => [node, service, args])).toEqual([
    ['node1', 'capture-file', { capture: 3 }],
    ['node2', 'capture-file', { capture: 7 }],
  ]);
  expect(audit).toEqual(['download captures node1:3 node2:7: ok']);
});

test('a node that has none answers before the file begins', async () => {
  open = () => {
    throw new AppError('not-found', 'no capture 3 on this node');
  };
  const answer = await fetch(`${base}&capture=node1:3:x`);
  expect([answer.status, await answer.text()]).toEqual([409, 'no capture 3 on this node']);
  expect(audit).toEqual(['download captures node1:3: failed no capture 3 on this node']);
});

test('a stream that breaks breaks the download', async () => {
  open = () =>
    Duplex.from(
      (async function* () {
        yield* fileOf(1);
        await Promise.resolve();
        throw new AppError('unreachable', 'node1 left');
      })(),
    );
  await expect(fetch(`${base}&capture=node1:3:x`).then((answer) => answer.arrayBuffer())).rejects.toThrow();
  expect(audit).toEqual(['download captures node1:3: failed node1 left']);
});

test('what names no capture', async () => {
  for (const query of [
    '',
    '&capture=node1',
    '&capture=node1:x:y',
    `&capture=node1:3:${encodeURIComponent('a\u001bb')}`,
  ])
    expect((await fetch(`${base}${query}`)).status).toBe(400);
  const many = Array.from({ length: 33 }, (_, id) => `&capture=node1:${id}:x`).join('');
  expect((await fetch(`${base}${many}`)).status).toBe(400);
  expect(calls).toEqual([]);
});
