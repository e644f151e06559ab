// Files of a web server on this machine.
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { openDownload } from './download.ts';

let server: Server | null = null;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(listener: RequestListener): Promise<URL> {
  const made = createServer(listener);
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return new URL(`http://127.0.0.1:${(made.address() as AddressInfo).port}/pub/web.raw`);
}
const signal = () => new AbortController().signal;
const failure = (url: URL, own = signal()) =>
  openDownload(url, { signal: own }).then(
    () => 'no error',
    (error: unknown) => error,
  );

test('a file comes as it is, behind redirects too', async () => {
  const data = Buffer.alloc(300_000, 'abc');
  const asked: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    asked.push(request.url);
    if (request.url === '/pub/web.raw') response.writeHead(302, { location: '/mirror/web.raw' }).end();
    else response.writeHead(200, { 'content-length': data.length }).end(data);
  });
  const { bytes, body } = await openDownload(url, { signal: signal() });
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(Buffer.from(piece as Uint8Array));
  expect([bytes, Buffer.concat(pieces).equals(data)]).toEqual([data.length, true]);
  expect(asked).toEqual(['/pub/web.raw', '/mirror/web.raw']);
});

test('the rest of a file comes from where it broke, as long as it is the same one', async () => {
  const data = Buffer.alloc(300_000, 'abc');
  let tag = '"one"';
  const url = await serve((request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const isSame = from > 0 && request.headers['if-range'] === tag;
    const headers = isSame ? { 'content-range': `bytes ${from}-${data.length - 1}/${data.length}` } : {};
    const body = isSame ? data.subarray(from) : data;
    response.writeHead(isSame ? 206 : 200, { etag: tag, 'content-length': body.length, ...headers }).end(body);
  });
  const first = await openDownload(url, { signal: signal() });
  first.body.destroy();
  expect(first).toMatchObject({ bytes: data.length, validator: '"one"' });
  const rest = { from: 200_001, validator: '"one"' };
  const { bytes, body } = await openDownload(url, { signal: signal(), rest });
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(Buffer.from(piece as Uint8Array));
  expect([bytes, Buffer.concat(pieces).equals(data.subarray(200_001))]).toEqual([data.length, true]);
  tag = '"two"';
  await expect(openDownload(url, { signal: signal(), rest })).rejects.toMatchObject({ code: 'conflict' });
});

test.each([['W/"one"'], [''], ['one']])('an entity tag %s continues nothing', async (tag) => {
  const url = await serve((_, response) => response.writeHead(200, { etag: tag, 'content-length': 1 }).end('x'));
  const { validator, body } = await openDownload(url, { signal: signal() });
  body.destroy();
  expect(validator).toBeNull();
});

test.each<[string, RequestListener, RegExp]>([
  ['a missing file', (_, response) => response.writeHead(404).end('no'), /answers 404/],
  [
    'one without a length',
    (_, response) => {
      response.write('x');
      response.end();
    },
    /does not say how large/,
  ],
  [
    'a way out of the web',
    (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    /not of the web/,
  ],
  ['a circle', (_, response) => response.writeHead(302, { location: '/pub/web.raw' }).end(), /more than 5 times/],
])('%s is an error that says so', async (_, listener, message) => {
  expect(await failure(await serve(listener))).toMatchObject({ message: expect.stringMatching(message) as string });
});

test('nobody at the address is an error that names it', async () => {
  const url = await serve((_, response) => response.end());
  server?.close();
  server?.closeAllConnections();
  expect(await failure(url)).toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining(url.host) as string,
  });
});

test('a cancel ends it while it waits', async () => {
  const abort = new AbortController();
  const url = await serve(() => {
    abort.abort(new Error('enough'));
  });
  expect(await failure(url, abort.signal)).toMatchObject({ message: 'enough' });
});
