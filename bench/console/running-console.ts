// The real console as a separate process with a new data folder and one admin logged in.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { httpPaths } from '../../contract/http-paths.ts';
import { startChild } from '../../host/child.ts';
import { within } from '../rounds.ts';

const program = new URL('../../server/main.ts', import.meta.url).pathname;
const startTimeoutMs = 30_000;
const admin = { name: 'Bench', email: 'bench@example.org', password: 'correct horse battery' };

export interface RunningConsole {
  readonly pid: number;
  readonly url: string;
  /** Cookie header of the admin's session. */
  readonly cookie: string;
  stop(): Promise<void>;
}

/** Starts it on a free port of the loopback, attached to the command socket at `socketPath`. */
export async function startConsole(socketPath: string): Promise<RunningConsole> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-console-'));
  const lines: string[] = [];
  const isUp = Promise.withResolvers<{ url: string; token: string }>();
  const flags = ['--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--socket', socketPath, '--level', 'warn'];
  const child = await startChild([process.execPath, program, ...flags], {
    diesWithParent: true,
    onLine: (line) => {
      lines.push(line);
      const link = /(http:\S+)\/setup\?token=(\S+)/.exec(line);
      if (link?.[1] && link[2]) isUp.resolve({ url: link[1], token: link[2] });
    },
  });
  void child.ended.then(() => isUp.reject(new Error(`the console ended: ${lines.join('; ')}`)));
  const stop = async () => {
    await child.stop(5_000);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const { url, token } = await within(isUp.promise, startTimeoutMs, () => lines.join('; '));
    const answer = await fetch(url + httpPaths.createFirstAdmin, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: url },
      body: JSON.stringify({ ...admin, token }),
      signal: AbortSignal.timeout(startTimeoutMs),
    });
    if (!answer.ok) throw new Error(`first admin: ${answer.status} ${await answer.text()}`);
    const cookie = answer.headers.getSetCookie().map((line) => line.split(';')[0]);
    return { pid: child.pid, url, cookie: cookie.join('; '), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
