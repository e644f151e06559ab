// meshdeck over its own data folder, for tests on real nodes: what it prints, how it ends, and `kill -9` at a moment of its
// output. Two of these are two consoles that do not know each other.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { AppError } from '../contract/errors.ts';
import { RunEvent, RunSummary } from '../contract/plans.ts';
import type { StepView } from '../contract/plans.ts';
import { startChild } from '../host/child.ts';
import type { Child } from '../host/child.ts';
import { CommandError, localRunner } from '../host/runner.ts';
import type { Lab } from './lab.ts';

const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
const rootPassword = 'lab';

export interface Ended {
  /** -9 when it was killed. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Meshdeck {
  readonly data: string;

  private constructor(data: string) {
    this.data = data;
  }

  static async create(): Promise<Meshdeck> {
    return new Meshdeck(await mkdtemp(join(tmpdir(), 'meshdeck-data-')));
  }

  /** Runs it; a non-zero exit code also counts as an answer. With `killAt` it is killed -9 as soon as its output matches. */
  async run(args: readonly string[], options: { stdin?: string; killAt?: RegExp } = {}): Promise<Ended> {
    const abort = new AbortController();
    let seen = '';
    try {
      const { stdout, stderr } = await localRunner.run(this.argv(args), {
        timeoutMs: 280_000,
        stdin: options.stdin ?? '',
        signal: abort.signal,
        onOutput: (text) => {
          seen += text;
          if (options.killAt?.test(seen)) abort.abort();
        },
      });
      return { code: 0, stdout, stderr };
    } catch (error) {
      if (error instanceof CommandError)
        return { code: error.exitCode ?? -1, stdout: error.stdout, stderr: error.stderr };
      if (error instanceof AppError && error.code === 'cancelled') return { code: -9, stdout: seen, stderr: '' };
      throw error;
    }
  }

  /** Starts it, for tests that send it signals; `lines` grows. */
  async start(args: readonly string[]): Promise<{ child: Child; lines: string[] }> {
    const lines: string[] = [];
    const child = await startChild(this.argv(args), { onLine: (line) => void lines.push(line), diesWithParent: true });
    return { child, lines };
  }

  /** Nodes of a lab as they come: root with the lab's password. @throws Error with what it said */
  async addNodes(lab: Lab, nodes: readonly string[]): Promise<void> {
    const items = await Promise.all(nodes.map(async (node) => `${node}=${await lab.address(node)}`));
    const flags = ['--run', '--json', '--password-stdin', '--accept-new'];
    const { code, stdout, stderr } = await this.run(['nodes', 'add', items.join(','), ...flags], {
      stdin: `${rootPassword}\n`,
    });
    if (code !== 0) throw new Error(`nodes add ended with ${code}: ${stderr}${stdout.slice(-2_000)}`);
  }

  /** Newest first. */
  async list(): Promise<RunSummary[]> {
    return z.array(RunSummary).parse(JSON.parse((await this.run(['runs', 'list', '--json'])).stdout));
  }

  async newest(): Promise<RunSummary> {
    const [run] = await this.list();
    if (!run) throw new Error('no run');
    return run;
  }

  remove(): Promise<void> {
    return rm(this.data, { recursive: true, force: true });
  }

  private argv(args: readonly string[]): string[] {
    return [process.execPath, main, '--data', this.data, ...args];
  }
}

/** The last view of each step in what `--json` printed, by key. */
export function stepsOf(text: string): Record<string, StepView> {
  const steps: Record<string, StepView> = {};
  for (const line of text.split('\n')) {
    if (!line.startsWith('{"event"')) continue;
    const event = RunEvent.safeParse(JSON.parse(line));
    if (event.success && event.data.event === 'step') steps[event.data.step.key] = event.data.step;
  }
  return steps;
}

export function statesOf(text: string): Record<string, string> {
  return Object.fromEntries(Object.entries(stepsOf(text)).map(([key, { state }]) => [key, state]));
}
