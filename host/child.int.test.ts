import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { startChild } from './child.ts';
import { localRunner } from './runner.ts';

test('lines arrive as they are printed, and the end gives the exit code', async () => {
  const lines: string[] = [];
  const child = await startChild(['sh', '-c', 'echo one; echo two >&2; exit 3'], {
    onLine: (line, stream) => lines.push(`${stream} ${line}`),
  });
  expect(await child.ended).toEqual({ exitCode: 3, signal: null });
  expect(lines.sort()).toEqual(['stderr two', 'stdout one']);
});

test('a program reads what is written to it; writing to one that is gone does no harm', async () => {
  const lines: string[] = [];
  const child = await startChild(['sed', '-u', '1q'], { hasInput: true, onLine: (line) => lines.push(line) });
  child.write('hello\n');
  await child.ended;
  child.write('nobody\n');
  expect(lines).toEqual(['hello']);
});

test('a program that cannot be started is an error that names it', async () => {
  await expect(startChild(['/no/such/program'])).rejects.toThrow('/no/such/program');
});

test('stop ends a program, even a stopped one, and kills one that ignores TERM', async () => {
  const stopped = await startChild(['sleep', '60']);
  stopped.kill('SIGSTOP');
  expect(await stopped.stop()).toEqual({ exitCode: null, signal: 'SIGTERM' });
  let isDeaf = () => undefined as unknown;
  const ready = new Promise((resolve) => (isDeaf = () => resolve(true)));
  const deaf = await startChild(['sh', '-c', 'trap "" TERM; echo deaf; while :; do sleep 0.1; done'], {
    onLine: isDeaf,
  });
  await ready;
  expect(await deaf.stop(100)).toEqual({ exitCode: null, signal: 'SIGKILL' });
  expect(deaf.kill('SIGTERM')).toBe(false);
});

test('a grandchild that keeps the output open does not keep the end from us', async () => {
  const lines: string[] = [];
  const child = await startChild(['sh', '-c', 'sleep 600 & echo $!; exit 0'], { onLine: (line) => lines.push(line) });
  expect(await child.ended).toEqual({ exitCode: 0, signal: null });
  const sleeper = Number(lines[0]);
  expect(await isAlive(sleeper)).toBe(true);
  process.kill(sleeper, 'SIGKILL');
});

test('a child that dies with its parent does so when the parent is killed', async () => {
  const script = `
    import { startChild } from ${JSON.stringify(new URL('./child.ts', import.meta.url).pathname)};
    const child = await startChild(['sleep', '60'], { diesWithParent: true });
    console.log(child.pid);
    process.kill(process.pid, 'SIGKILL');`;
  let pid = 0;
  await localRunner
    .run([process.execPath, '--input-type=module', '-e', script], { onOutput: (text) => (pid = Number(text)) })
    .catch(() => undefined);
  expect(pid).toBeGreaterThan(0);
  // The kernel sends the signal as the parent dies; the sleeper is gone a moment later.
  await expect.poll(() => isAlive(pid)).toBe(false);
});

/** Neither gone nor waiting to be reaped: a container's first process may take its time for that (proc(5), stat). */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return stat !== null && !/\) [ZX] /.test(stat);
}
