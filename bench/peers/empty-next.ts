// A page of Next with nothing on it: what the console's pages are compared with. `node empty-next.ts <folder>` writes it there, builds it
// unless that is done, serves it on a free port of the loopback, and prints where.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { localRunner } from '../../host/runner.ts';

/** What is used of Next's custom server. Its own types bring the browser's globals into every file. */
interface NextApp {
  prepare(): Promise<void>;
  getRequestHandler(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}
// The cast names the shape that Next documents.
const next = createRequire(import.meta.url)('next') as (options: { dir: string; dev: boolean }) => NextApp;
const root = new URL('../../', import.meta.url).pathname;
const [dir = ''] = process.argv.slice(2);
const buildTimeoutMs = 180_000;

/** The first line comes from the server; the second one when the page's scripts run. */
const files = {
  'package.json': '{"private":true,"type":"module"}\n',
  'next.config.js': `export default { turbopack: { root: ${JSON.stringify(root)} } };\n`,
  'app/layout.js': `export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>;
}
`,
  'app/page.js': `'use client';
import { useEffect, useState } from 'react';
export default function Page() {
  const [isLive, setIsLive] = useState(false);
  useEffect(() => setIsLive(true), []);
  return <main><p>Empty</p>{isLive ? <p id="live">Live</p> : null}</main>;
}
`,
};

if (!existsSync(join(dir, '.next/BUILD_ID'))) {
  await mkdir(join(dir, 'app'), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  const build = [process.execPath, join(root, 'node_modules/next/dist/bin/next'), 'build', dir];
  await localRunner.run(build, {
    timeoutMs: buildTimeoutMs,
    env: { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' },
  });
}
const app = next({ dir, dev: false });
await app.prepare();
const handle = app.getRequestHandler();
const server = createServer((request, response) => void handle(request, response));
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
