// Files (docs/benchmarks.md): an image of 1 GiB from one node to four others at once, beside `ssh … cat` to four at once. How long it takes, and
// how often the image leaves its first holder.
import { randomFillSync } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { localRunner } from '../host/runner.ts';
import { startFileNodes, type FileNodes } from './file-nodes.ts';
import type { Report } from './report.ts';
import { interleave } from './rounds.ts';
import { startSshTargets } from './ssh-targets.ts';

const firstPort = 17_700;
const receivers = 4;
const bytes = 1024 ** 3;
const name = 'image.raw';
const stepMs = 600_000;

export interface FilesBenchOptions {
  readonly rounds: number;
  readonly signal: AbortSignal;
}

export async function benchFiles(report: Report, options: FilesBenchOptions): Promise<void> {
  report.heading(`Files: 1 GiB from one node to ${receivers} at once`);
  const cluster = await startFileNodes(receivers + 1, firstPort);
  const targets = process.getuid?.() === 0 ? await startSshTargets(receivers) : null;
  if (!targets) report.missing('files-ssh', 'the private sshd needs root for its mount namespace');
  try {
    const [holder] = cluster.nodes;
    if (!holder) throw new Error('there is a first node');
    const source = join(holder.root, name);
    await writeRandom(source);
    const left: number[] = [];
    const sides = [
      { name: 'ours', measure: () => copyByMesh(cluster, left) },
      ...(targets
        ? [{ name: 'ssh', measure: async () => copyBySsh(source, await targets.sshConfig(), targets.hosts) }]
        : []),
    ];
    const times = await interleave(sides, options);
    const ours = report.figure('files-mesh', `to ${receivers} nodes, by \`file get\`, checked and on disk`, {
      unit: 'ms',
      samples: times.get('ours') ?? [],
    });
    const ssh = targets
      ? report.figure('files-ssh', `to ${receivers} files, by \`ssh … cat\`, neither checked nor synced`, {
          unit: 'ms',
          samples: times.get('ssh') ?? [],
        })
      : undefined;
    report.ratio('files-ratio', 'our time to that of ssh', { of: ours, by: ssh });
    report.figure('files-left', 'times that the image left its first holder', {
      unit: '',
      samples: left,
      goal: { at: 'most', value: 2 },
    });
  } finally {
    await targets?.stop();
    await cluster.stop();
  }
}

/** Milliseconds until all others have the file. */
async function copyByMesh({ nodes }: FileNodes, left: number[]): Promise<number> {
  const [holder, ...others] = nodes;
  if (!holder) throw new Error('there is a first node');
  await Promise.all(others.map((node) => rm(join(node.root, name), { force: true })));
  const before = await holder.served();
  const startedAt = performance.now();
  const answers = await Promise.all(others.map((node) => node.command(`file get ${name}`)));
  const tookMs = performance.now() - startedAt;
  const failed = answers.find(({ Error: error }) => error !== '');
  if (failed) throw new Error(failed.Error);
  left.push(((await holder.served()) - before) / bytes);
  return tookMs;
}

async function copyBySsh(source: string, config: string, hosts: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const script = 'ssh -F "$1" "$2" "cat > $3" < "$4"';
  await Promise.all(
    hosts.map((host, index) =>
      localRunner.run(['sh', '-c', script, 'sh', config, host, `/tmp/bench-file-${index}`, source], {
        timeoutMs: stepMs,
      }),
    ),
  );
  const tookMs = performance.now() - startedAt;
  await Promise.all(hosts.map((_host, index) => rm(`/tmp/bench-file-${index}`, { force: true })));
  return tookMs;
}

async function writeRandom(path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    const piece = Buffer.allocUnsafe(4 * 1024 * 1024);
    for (let at = 0; at < bytes; at += piece.length) await file.write(randomFillSync(piece));
    await file.sync();
  } finally {
    await file.close();
  }
}
