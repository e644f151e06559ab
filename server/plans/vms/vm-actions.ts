// Launches, starts, kills and flushes the VMs of a step. Each looks first which of its VMs are there: after a crash of the console, or an answer that never
// came, that decides what is left to do.
import { z } from 'zod';
import { AppError, describeError } from '../../../contract/errors.ts';
import type { launchActions, StepVms } from '../../../core/plans/vms/actions.ts';
import { launchLine } from '../../../core/plans/vms/settings.ts';
import { describeRange } from '../../../core/ranges/describe-range.ts';
import { pause } from '../../ssh/pause.ts';
import type { StepContext } from '../../runs/executor.ts';
import type { ActionParts, Executors } from '../action.ts';
import { type LineParts, runLine, StepLines, type SeenVm } from './vm-lines.ts';

/** Of a line, beside what the step may take. */
const launchMs = 15 * 60_000;
const actMs = 2 * 60_000;
/** How long VMs are looked for whose node did not say what became of them, and between two looks. */
const settleMs = 60_000;
const lookEveryMs = 2_000;
/** VMs that an error names one by one. */
const maxNamed = 20;

const Launched = z.object({
  VMs: z.array(z.object({ Name: z.string(), Host: z.string(), Is: z.string(), Error: z.string() })),
});

type Errors = ReadonlyMap<string, string>;

/** It boots or has booted: what is left of a launch that failed is taken away first. */
const isThere = ({ state }: SeenVm) => state !== 'ERROR';

export const vmExecutors: Pick<Executors<typeof launchActions>, 'launchVms' | 'startVms' | 'killVms' | 'flushVms'> = {
  launchVms: async (args, context, parts) => {
    const vms = new StepLines(args, context, parts);
    const endAt = parts.now() + settleMs;
    for (;;) {
      const wanted = await missing(vms);
      if (wanted.length === 0) return { changed: false, result: { vms: resultOf(vms.names, new Map()) } };
      const said = await launch(args, wanted, context, parts);
      if (said.is === 'refused') {
        // What the console began before it died may hold these names for a moment.
        if (!context.isResumed || parts.now() >= endAt) throwErrors(said.errors, vms.names);
        await pause(lookEveryMs, context.signal);
        continue;
      }
      // What nobody said, the node says now.
      const there = await settled(vms, [...said.errors.keys()], { context, now: parts.now });
      const left = new Map([...said.errors].filter(([name]) => !there.has(name)));
      throwErrors(left, vms.names);
      return { changed: true, result: { vms: resultOf(vms.names, left) } };
    }
  },

  startVms: async (args, context, parts) => {
    const vms = new StepLines(args, context, parts);
    const before = await vms.look();
    const gone = vms.names.filter((name) => !before.has(name));
    const still = [...before.values()].filter(({ state }) => state !== 'RUNNING').map(({ name }) => name);
    if (gone.length === 0 && still.length === 0)
      return { changed: false, result: { vms: resultOf(vms.names, new Map()) } };
    const said = await vms.act('start', still, actMs);
    const after = await vms.look();
    const errors = new Map<string, string>();
    for (const name of vms.names) {
      const vm = after.get(name);
      if (vm?.state === 'RUNNING') continue;
      const why = vm ? `it is ${vm.state}${vm.reason === '' ? '' : `: ${vm.reason}`}` : 'it is gone';
      errors.set(name, said.get(name) ?? said.get('') ?? why);
    }
    throwErrors(errors, vms.names);
    return { changed: true, result: { vms: resultOf(vms.names, errors) } };
  },

  killVms: async (args, context, parts) => {
    const vms = new StepLines(args, context, parts);
    return { changed: await kill(vms) };
  },

  flushVms: async (args, context, parts) => {
    const vms = new StepLines(args, context, parts);
    await kill(vms);
    const left = await vms.look();
    if (left.size === 0) return { changed: false };
    const said = await vms.act('flush', [...left.keys()], actMs);
    const after = await vms.look();
    throwErrors(
      new Map([...after.keys()].map((name) => [name, said.get(name) ?? said.get('') ?? 'it is still there'])),
    );
    return { changed: true };
  },
};

/** @returns whether one of them was at work */
async function kill(vms: StepLines): Promise<boolean> {
  const before = await vms.look();
  const alive = [...before.values()]
    .filter(({ state }) => state !== 'QUIT' && state !== 'ERROR')
    .map(({ name }) => name);
  throwErrors(await vms.act('kill', alive, actMs));
  return alive.length > 0;
}

/** VMs of the step that are not there. What is left of those that failed is taken away first. */
async function missing(vms: StepLines): Promise<string[]> {
  const seen = await vms.look();
  const failed = [...seen.values()].filter((vm) => !isThere(vm)).map(({ name }) => name);
  throwErrors(await vms.act('flush', failed, actMs));
  return vms.names.filter((name) => !seen.has(name) || failed.includes(name));
}

/** What a launch said: of each VM that it did not launch, why; or that nothing was begun. */
interface Said {
  readonly is: 'answered' | 'refused' | 'unknown';
  readonly errors: Errors;
}

async function launch(
  { cluster, namespace, settings, node, uuids }: StepVms & { readonly settings: readonly string[] },
  wanted: readonly string[],
  context: StepContext,
  parts: LineParts,
): Promise<Said> {
  const line = launchLine({ namespace, names: describeRange(wanted), settings, node, uuids });
  const onStatus = (text: string) => {
    context.log(text);
    context.progress({ text });
  };
  const ofAll = (text: string) => new Map(wanted.map((name) => [name, text]));
  let entries: Awaited<ReturnType<typeof runLine>>;
  try {
    entries = await runLine(cluster, line, { timeoutMs: launchMs, onStatus }, context, parts);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isUnknown(error)) throw error;
    context.log(`${describeError(error)}: looking which VMs are there`);
    return { is: 'unknown', errors: ofAll(describeError(error)) };
  }
  for (const { Data } of entries) {
    const launched = Launched.safeParse(Data);
    if (!launched.success) continue;
    const failed = launched.data.VMs.filter(({ Is }) => Is !== 'launched');
    return { is: 'answered', errors: new Map(failed.map((vm) => [vm.Name, vm.Error])) };
  }
  const texts = entries.filter(({ Error: error }) => error !== '').map(({ Error: error }) => error);
  return { is: 'refused', errors: ofAll(`not launched: ${texts.join('\n') || 'an answer of another version'}`) };
}

/** Which of these are there after all: their node may still be at work on them. */
async function settled(
  vms: StepLines,
  names: readonly string[],
  { context, now }: { readonly context: StepContext; readonly now: ActionParts['now'] },
): Promise<ReadonlySet<string>> {
  if (names.length === 0) return new Set();
  const endAt = now() + settleMs;
  let before = '';
  for (;;) {
    let found: ReadonlyMap<string, SeenVm> | null = null;
    try {
      found = await vms.look();
    } catch (error) {
      context.signal.throwIfAborted();
      if (now() >= endAt) throw error;
    }
    if (found) {
      const there = new Set(
        names.filter((name) => found.get(name)?.state !== undefined && isThere(found.get(name) as SeenVm)),
      );
      const text = [...there].join(' ');
      // Twice the same: nobody works on them.
      if (there.size === names.length || text === before || now() >= endAt) return there;
      before = text;
    }
    await pause(lookEveryMs, context.signal);
  }
}

function resultOf(names: readonly string[], errors: Errors): { name: string; error: string }[] {
  return names.map((name) => ({ name, error: errors.get(name) ?? '' }));
}

/** @throws AppError `failed` where there is one; `all`: the VMs of the step, for what is kept of each */
function throwErrors(errors: Errors, all: readonly string[] = []): void {
  if (errors.size === 0) return;
  const byText = new Map<string, string[]>();
  for (const [name, text] of errors) byText.set(text, [...(byText.get(text) ?? []), name]);
  const lines = [...byText].slice(0, maxNamed).map(([text, names]) => {
    const who = describeRange(names.filter((name) => name !== ''));
    return who === '' ? text : `${who}: ${text}`;
  });
  if (byText.size > maxNamed) lines.push(`and ${byText.size - maxNamed} more`);
  throw new AppError('failed', lines.join('\n'), { detail: { vms: resultOf(all, errors) } });
}

function isUnknown(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'timeout' || error.code === 'unreachable');
}
