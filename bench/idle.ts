// What one daemon costs: sizes on disk and on the wire, time to start, resident memory when nothing happens.
import { readdir, readlink, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { programFile, runtimeFile } from '../core/deploy/tree.ts';
import { localRunner } from '../host/runner.ts';
import { buildTree, builtTree, startMeshds } from './meshds.ts';
import { serfVersion, startSerfCluster } from './peers/serf.ts';
import type { Report } from './report.ts';
import { describeNumber } from './report.ts';

const starts = 5;
const clientStarts = 9;
/** Beside `node -e 0`, which is the least that a program on Node.js takes. */
const mostClientStart = 1.5;
const mostDaemonStart = 3;
/** After a start both collect what they no longer need. */
const idleAfterMs = 3_000;

export async function benchIdle(report: Report): Promise<void> {
  report.heading('One daemon');
  await buildTree();
  const program = join(builtTree, await readlink(join(builtTree, 'current')));
  const runtime = join(program, 'runtime');
  for (const [name, path] of [
    ['program', join(program, programFile)],
    ['runtime', join(runtime, runtimeFile)],
  ] as const) {
    report.fact(`size of the ${name}`, `${megabytes((await stat(path)).size)}${await packedSizes(path)}`);
  }
  const bare: number[] = [];
  const clients: number[] = [];
  const node = join(runtime, runtimeFile);
  const started: number[] = [];
  const memory: number[] = [];
  for (let index = 0; index < starts; index++) {
    const alone = await startMeshds({ size: 1, degree: 3 });
    try {
      started.push(alone.readyAtMs - alone.startedAtMs);
      // In turns, so that a machine that gets slower slows all of them.
      const argv = [join(builtTree, 'bin/meshd'), '-base', dirname(alone.socketOf(0)), '-e', 'version'];
      for (let turn = 0; turn < clientStarts; turn += 1) {
        bare.push(await timeOf([node, '-e', '0']));
        clients.push(await timeOf(argv));
      }
      if (index === starts - 1) {
        await sleep(idleAfterMs);
        memory.push(...(await alone.memoryMb()));
      }
    } finally {
      await alone.stop();
    }
  }
  const start = report.figure('start', 'meshd from its start until its command socket answers', {
    unit: 'ms',
    samples: started,
  });
  const least = report.figure('bare-start', 'node -e 0, from start to end', { unit: 'ms', samples: bare });
  const client = report.figure('client-start', 'meshd -e version, from start to end', { unit: 'ms', samples: clients });
  report.ratio('client-by-node', 'meshd -e by node -e 0', {
    of: client,
    by: least,
    goal: { at: 'most', value: mostClientStart },
  });
  report.ratio('start-by-node', 'start of meshd by node -e 0', {
    of: start,
    by: least,
    goal: { at: 'most', value: mostDaemonStart },
  });
  report.figure('idle-memory-meshd', 'resident memory, alone and idle, meshd', { unit: 'MB', samples: memory });
  if ((await serfVersion()) === null) return;
  const serf = await startSerfCluster(1);
  try {
    await sleep(idleAfterMs);
    report.figure('idle-memory-serf', 'resident memory, alone and idle, serf', {
      unit: 'MB',
      samples: await serf.memoryMb(),
    });
  } finally {
    await serf.stop();
  }
}

async function timeOf(argv: readonly string[]): Promise<number> {
  const startMs = performance.now();
  await localRunner.run(argv, { timeoutMs: 60_000 });
  return performance.now() - startMs;
}

const megabytes = (bytes: number) => `${describeNumber(bytes / 1e6)} MB`;

/** The compressed copies beside a file, which are what deploy sends. */
async function packedSizes(path: string): Promise<string> {
  const folder = join(path, '..');
  const names = (await readdir(folder)).filter((name) => /\.(zst|gz)$/.test(name)).sort();
  const sizes = await Promise.all(names.map(async (name) => [name, (await stat(join(folder, name))).size] as const));
  return sizes.map(([name, bytes]) => `, ${name.split('.').at(-1) ?? ''} ${megabytes(bytes)}`).join('');
}
