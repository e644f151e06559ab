// Streams (docs/benchmarks.md): bytes through one stream over one hop and over three, beside `ssh … cat`, and how long a control message
// takes beside four streams that send as fast as they can. Four members on 127.0.0.1 form a chain: n0 - n1 - n2 - n3.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild, type Child } from '../host/child.ts';
import { localRunner } from '../host/runner.ts';
import { makeIdentities, type LocalNodes } from './identities.ts';
import { describeNumber, type Report } from './report.ts';
import { interleave, within } from './rounds.ts';
import { startSshTargets } from './ssh-targets.ts';

const program = new URL('./stream-node.ts', import.meta.url).pathname;
const compileCache = new URL('../.cache/bench/compiled', import.meta.url).pathname;
const firstPort = 17_500;
const size = 4;
const stepMs = 120_000;
/** One measurement: two seconds and more on a fast machine, so that the start of ssh does not count. */
const bytes = 500_000_000;
const floodMs = 15_000;
const floodStreams = 4;

export interface StreamsOptions {
  readonly rounds: number;
  readonly signal: AbortSignal;
}

export async function benchStreams(report: Report, options: StreamsOptions): Promise<void> {
  report.heading(`Streams: ${describeNumber(bytes / 1e6)} MB through one, and control messages beside ${floodStreams}`);
  const identities = await makeIdentities(size, firstPort);
  const members: Member[] = [];
  try {
    for (let index = 0; index < size; index += 1) members.push(await startMember(identities, index));
    await formChain(members, identities);
    await benchBytes(report, options, members);
    await benchDelays(report, options, members);
  } finally {
    await Promise.all(members.map((member) => member.stop()));
    await identities.remove();
  }
}

async function benchBytes(report: Report, options: StreamsOptions, members: readonly Member[]): Promise<void> {
  const [first] = members;
  const rateOver = (hops: number) => ({
    name: `${hops} hops`,
    measure: async () => {
      const ms = Number(await first?.ask(`send ${members[hops]?.id ?? ''} ${bytes}`, 'sent'));
      return bytes / 1e3 / (ms / 1e3);
    },
  });
  const ssh = process.getuid?.() === 0 ? await startSsh() : null;
  if (!ssh) report.missing('streams-ssh', 'the private sshd needs root for its mount namespace');
  try {
    const sides = [rateOver(1), rateOver(3), ...(ssh ? [{ name: 'ssh', measure: () => ssh.rate() }] : [])];
    // The first one compiles code and grows windows.
    for (const side of sides) await side.measure();
    const rates = await interleave(sides, options);
    const figure = (name: string, label: string) =>
      report.figure(`streams-${name.replace(' ', '-')}`, label, { unit: 'kB/s', samples: rates.get(name) ?? [] });
    const one = figure('1 hops', 'one stream over one hop');
    const three = figure('3 hops', 'one stream over three hops, all four members on the same cores');
    const peer = ssh ? figure('ssh', '`ssh … cat`') : undefined;
    report.ratio('streams-1-ratio', 'one hop to ssh', { of: one, by: peer, goal: { at: 'least', value: 0.7 } });
    report.ratio('streams-3-ratio', 'three hops to ssh', { of: three, by: peer });
  } finally {
    await ssh?.stop();
  }
}

async function benchDelays(report: Report, { signal }: StreamsOptions, members: readonly Member[]): Promise<void> {
  const [first, second] = members;
  if (!first || !second) throw new Error('a chain has two ends');
  const measure = async (id: string, label: string, load: (() => Promise<string>) | null) => {
    signal.throwIfAborted();
    await Promise.all([first, second].map((member) => member.ask('delays', 'delays')));
    const ticking = [
      first.ask(`tick ${second.id} ${floodMs}`, 'ticked'),
      second.ask(`tick ${first.id} ${floodMs}`, 'ticked'),
    ];
    const sent = await load?.();
    await Promise.all(ticking);
    await sleep(500);
    for (const [way, member] of [
      ['with the data', second],
      ['against it', first],
    ] as const) {
      const taken = (await member.ask('delays', 'delays'))
        .split(' ')
        .filter(Boolean)
        .map(Number)
        .sort((a, b) => a - b);
      const at = (part: number) => taken[Math.min(taken.length - 1, Math.floor(part * taken.length))] ?? NaN;
      const name = `${id}-${way.split(' ')[0] ?? ''}`;
      report.figure(`${name}-p50`, `${label}, ${way}, p50 of ${taken.length}`, { unit: 'ms', samples: [at(0.5)] });
      report.figure(`${name}-p99`, `${label}, ${way}, p99`, {
        unit: 'ms',
        samples: [at(0.99)],
        ...(load ? { goal: { at: 'most', value: 200 } as const } : {}),
      });
    }
    if (sent !== undefined) report.fact(`${id}: sent meanwhile`, `${describeNumber(Number(sent) / 1e6)} MB`);
  };
  await measure('streams-quiet', 'a control message over a quiet link', null);
  for (const [hops, target] of [1, 3].map((count) => [count, members[count]] as const)) {
    await measure(
      `streams-busy-${hops}`,
      `a control message beside ${floodStreams} streams over ${hops === 1 ? 'that hop' : 'three hops'}`,
      () => first.ask(`flood ${target?.id ?? ''} ${floodStreams} ${floodMs}`, 'flooded'),
    );
  }
}

/** Each dials the next, before any of them looks for absent members on its own (SPEC D2). */
async function formChain(members: readonly Member[], identities: LocalNodes): Promise<void> {
  for (const member of members) await member.ask('listen', 'listening');
  for (const [index, member] of members.slice(0, -1).entries()) {
    await member.ask(`dial ${identities.nodes[index + 1]?.name ?? ''}`, 'dialled');
  }
  // Link states are on their way.
  await sleep(1_000);
  const links = Number(await members[0]?.ask('links', 'links'));
  if (links !== size - 1) throw new Error(`the members formed ${links} links and no chain: run again`);
}

/** A private sshd that throws away what comes: the same bytes through a pipe into ssh(1), and out of it into cat(1). */
async function startSsh(): Promise<{ rate(): Promise<number>; stop(): Promise<void> }> {
  const targets = await startSshTargets(1);
  const control = join(targets.folder, 'control');
  await mkdir(control);
  const config = await targets.sshConfig({ controlPath: control });
  const [host = ''] = targets.hosts;
  const secondsFor = async (count: number) => {
    const startedAt = performance.now();
    const script = 'head -c "$1" /dev/zero | ssh -F "$2" "$3" "cat >/dev/null"';
    await localRunner.run(['sh', '-c', script, 'sh', String(count), config, host], { timeoutMs: stepMs });
    return (performance.now() - startedAt) / 1e3;
  };
  // Over one connection that stays: to connect and to log in is not what is compared.
  await secondsFor(1);
  return {
    async rate() {
      const start = await secondsFor(1);
      return bytes / 1e3 / ((await secondsFor(bytes)) - start);
    },
    stop: () => targets.stop(),
  };
}

interface Member {
  readonly id: string;
  /** Says a line, and gives what follows the word of its answer. */
  ask(line: string, word: string): Promise<string>;
  stop(): Promise<unknown>;
}

async function startMember(identities: LocalNodes, index: number): Promise<Member> {
  const node = identities.nodes[index];
  if (!node) throw new Error(`no member ${index}`);
  const waiting: { readonly word: string; resolve(rest: string): void; reject(error: Error): void }[] = [];
  const answer = (word: string) =>
    within(
      new Promise<string>((resolve, reject) => {
        waiting.push({ word, resolve, reject });
      }),
      stepMs,
      () => `${node.name} says nothing of ${word}`,
    );
  const ready = answer('ready');
  const child: Child = await startChild([process.execPath, program, node.identityFolder, String(node.port)], {
    diesWithParent: true,
    env: { NODE_COMPILE_CACHE: compileCache },
    hasInput: true,
    onLine: (line) => {
      const [word = '', ...rest] = line.split(' ');
      if (word === 'failed') for (const each of waiting.splice(0)) each.reject(new Error(`${node.name}: ${line}`));
      const at = waiting.findIndex((each) => each.word === word);
      if (at >= 0) waiting.splice(at, 1)[0]?.resolve(rest.join(' '));
    },
  });
  await ready;
  return {
    id: node.id,
    ask(line, word) {
      const answered = answer(word);
      child.write(`${line}\n`);
      return answered;
    },
    stop: () => child.stop(),
  };
}
