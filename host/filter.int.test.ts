// Programs between pipes, as real processes: what they may, and how they end.
import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { startChild } from './child.ts';
import { startFilter } from './filter.ts';

const isThere = (pid: number) => {
  try {
    // A zombie was ended; its parent has not looked yet.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
const soon = { timeout: 60_000, interval: 20 };

test('lines go in and come out, and complaints are passed on, the first ones', async () => {
  const [lines, complaints]: string[][] = [[], []];
  const filter = await startFilter(['sed', '-u', 's/a/b/'], {
    onLine: (line) => lines?.push(line),
    onComplaint: (line) => complaints?.push(line),
  });
  expect(filter.write('banana\n')).toBe(true);
  await vi.waitFor(() => expect(lines).toEqual(['bbnana']), soon);
  filter.endInput();
  expect(await filter.ended).toEqual({ exitCode: 0 });
  const wrong = await startFilter(['sed', 'x-y'], {
    onLine: () => undefined,
    onComplaint: (line) => complaints?.push(line),
  });
  expect(await wrong.ended).toEqual({ exitCode: 1 });
  await vi.waitFor(() => expect(complaints).toHaveLength(1), soon);
});

test('a program that does not read is not fed without end, and one that does not end is ended', async () => {
  const filter = await startFilter(['sleep', '1000'], { onLine: () => undefined, onComplaint: () => undefined });
  const line = `${'x'.repeat(60_000)}\n`;
  let taken = 0;
  while (filter.write(line) && taken < 1000) taken += 1;
  expect(taken).toBeLessThan(100);
  filter.endInput();
  expect(await filter.ended).toEqual({ exitCode: null });
});

test('only bare names of programs are started', async () => {
  const options = { onLine: () => undefined, onComplaint: () => undefined };
  for (const name of ['/bin/sh', '../sh', 'nosuchprogram', ''])
    await expect(startFilter([name], options), name).rejects.toMatchObject({ code: 'not-found' });
});

test('a program dies with the process that started it, however that ends', async () => {
  const module = JSON.stringify(new URL('filter.ts', import.meta.url).href);
  const program = `const { startFilter } = await import(${module}); const none = { onLine() {}, onComplaint() {} };
    console.log((await startFilter(['sleep', '1000'], none)).pid); setInterval(() => {}, 1000);`;
  let pid = 0;
  const parent = await startChild([process.execPath, '--input-type=module', '-e', program], {
    onLine: (line) => (pid ||= Number(line)),
  });
  await vi.waitFor(() => expect(pid).toBeGreaterThan(0), soon);
  await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/comm`, 'utf8')).toBe('sleep\n'), soon);
  parent.kill('SIGKILL');
  await parent.ended;
  await vi.waitFor(() => expect(isThere(pid)).toBe(false), soon);
});
