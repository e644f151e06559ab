// What a launch needs before its VMs: the namespace with its hosts, VLANs, and images on nodes. What others use stays when it is undone.
import { AppError } from '../../../contract/errors.ts';
import type { ResponseEntry } from '../../../contract/command-socket.ts';
import { readResult } from '../../../core/plans/actions.ts';
import { launchActions } from '../../../core/plans/vms/actions.ts';
import { namesOf } from '../../../core/plans/vms/form.ts';
import { lineOf } from '../../../core/plans/vms/settings.ts';
import { describeRange } from '../../../core/ranges/describe-range.ts';
import { pause } from '../../ssh/pause.ts';
import type { StepContext } from '../../runs/executor.ts';
import type { Executors } from '../action.ts';
import { described, runLine, type LineParts } from './vm-lines.ts';

const clearMs = 60_000;
const copyMs = 2 * 3600_000;
const lookEveryMs = 1_000;

export const placeExecutors: Pick<
  Executors<typeof launchActions>,
  'ensureHosts' | 'removeHosts' | 'ensureVlan' | 'releaseVlan' | 'fetchImages'
> = {
  ensureHosts: async ({ cluster, namespace, hosts, isNew }, context, parts) => {
    const at = new Namespace(cluster, namespace, context, parts);
    const isThere = await at.exists();
    const known = isThere ? await at.hosts() : [];
    const missing = namesOf(hosts).filter((name) => !known.includes(name));
    // One that this step made before the console died is its own.
    const made = !isThere || (isNew && context.isResumed);
    if (missing.length > 0) await at.run('ns', 'add-hosts', describeRange(missing));
    if (isThere && missing.length === 0) return { changed: context.isResumed, result: { made, added: '' } };
    return { changed: true, result: { made, added: describeRange(missing) } };
  },

  removeHosts: async ({ cluster, namespace }, context, parts) => {
    const at = new Namespace(cluster, namespace, context, parts);
    const did = readResult(launchActions.ensureHosts, context.resultOf(context.step.key));
    if (!(await at.exists())) return { changed: false };
    const used = await at.hostsWithVms();
    if (did?.made === true) {
      const aliases = await at.aliases();
      if (used.length > 0 || aliases.size > 0) {
        const what = used.length > 0 ? `VMs on ${describeRange(used)}` : `VLANs: ${[...aliases.keys()].join(', ')}`;
        context.log(`the namespace ${namespace} stays, since it has ${what}`);
        return { changed: false };
      }
      assertWell(
        await runLine(cluster, lineOf('clear', 'namespace', namespace), { timeoutMs: clearMs }, context, parts),
      );
      return { changed: true };
    }
    const added = namesOf(did?.added ?? '').filter((name) => !used.includes(name));
    if (added.length === 0) return { changed: false };
    await at.run('ns', 'del-hosts', describeRange(added));
    return { changed: true };
  },

  ensureVlan: async ({ cluster, namespace, alias, vlan }, context, parts) => {
    const at = new Namespace(cluster, namespace, context, parts);
    const known = (await at.aliases()).get(alias);
    if (known === undefined) {
      const entries = await at.run('vlans', 'add', alias, ...(vlan === null ? [] : [String(vlan)]));
      const said = entries.flatMap(({ Response }) => (Response === '' ? [] : [Response]));
      for (const text of said) context.log(text);
      return { changed: true, result: numberOf((await at.aliases()).get(alias)) };
    }
    if (vlan !== null && known !== String(vlan)) {
      throw new AppError('conflict', `${alias} is VLAN ${known} by now, and not ${vlan}: make a new plan`);
    }
    return { changed: false, result: numberOf(known) };
  },

  releaseVlan: async ({ cluster, namespace, alias }, context, parts) => {
    const at = new Namespace(cluster, namespace, context, parts);
    if (!(await at.exists()) || !(await at.aliases()).has(alias)) return { changed: false };
    try {
      await at.run('vlans', 'delete', alias);
      return { changed: true };
    } catch (error) {
      if (!(error instanceof AppError) || !error.message.includes('VMs use these VLANs')) throw error;
      context.log(`the VLAN ${alias} stays: ${error.message}`);
      return { changed: false };
    }
  },

  fetchImages: async ({ cluster, node, files }, context, parts) => {
    const run = (line: string, timeoutMs: number, onStatus?: (text: string) => void) =>
      runLine(cluster, line, { node, timeoutMs, ...(onStatus ? { onStatus } : {}) }, context, parts);
    const show = (text: string) => context.progress({ text });
    for (const { name } of files) {
      // On the node's own socket it waits for the end; through the mesh it returns at once.
      assertWell(await run(lineOf('file', 'get', name), copyMs, show));
    }
    const wanted = new Set(files.map(({ name }) => name));
    for (;;) {
      const [status] = await run('file status', clearMs);
      const fetches = fetchesOf(status).filter(({ name }) => wanted.has(name));
      const failed = fetches.find(({ state }) => state === 'failed');
      if (failed) throw new AppError('failed', failed.error);
      const [first] = fetches;
      if (!first) break;
      const percent = first.bytes === 0 ? 0 : Math.floor((100 * first.doneBytes) / first.bytes);
      show(`${first.name}: ${percent} %`);
      await pause(lookEveryMs, context.signal);
    }
    for (const { name } of files) {
      const [entry] = await run(lineOf('file', 'list', name), clearMs);
      if (!entry?.Tabular?.length) throw new AppError('failed', `${name} did not arrive on ${node}: retry`);
    }
    return { changed: true };
  },
};

/** A namespace, asked by lines in it. */
class Namespace {
  private readonly cluster: string;
  private readonly name: string;
  private readonly context: StepContext;
  private readonly parts: LineParts;

  constructor(cluster: string, name: string, context: StepContext, parts: LineParts) {
    this.cluster = cluster;
    this.name = name;
    this.context = context;
    this.parts = parts;
  }

  /** Asking it anything would make it. */
  async exists(): Promise<boolean> {
    const [entry] = assertWell(await runLine(this.cluster, 'namespace', {}, this.context, this.parts));
    return entry?.Tabular?.some(([name]) => name === this.name) ?? false;
  }

  async hosts(): Promise<readonly string[]> {
    const [entry] = await this.run('ns', 'hosts');
    return namesOf(entry?.Response ?? '');
  }

  async aliases(): Promise<ReadonlyMap<string, string>> {
    const [entry] = await this.run('vlans');
    return new Map((entry?.Tabular ?? []).map(([alias = '', vlan = '']) => [alias, vlan]));
  }

  /** Hosts with VMs of it, and those that do not say. */
  async hostsWithVms(): Promise<readonly string[]> {
    const entries = await runLine(
      this.cluster,
      lineOf('namespace', this.name, 'vm', 'state', 'all'),
      {},
      this.context,
      this.parts,
    );
    return entries
      .filter(({ Tabular, Error: error }) => error !== '' || (Tabular ?? []).length > 0)
      .map(({ Host }) => Host);
  }

  /** @throws AppError `failed` with what a host says is wrong */
  async run(...words: readonly string[]): Promise<readonly ResponseEntry[]> {
    const line = lineOf('namespace', this.name, ...words);
    return assertWell(await runLine(this.cluster, line, {}, this.context, this.parts));
  }
}

function assertWell(entries: readonly ResponseEntry[]): readonly ResponseEntry[] {
  const bad = entries.filter(({ Error: error }) => error !== '');
  if (bad.length > 0) throw new AppError('failed', bad.map(described).join('\n'));
  return entries;
}

/** `101`, and of a split alias the first of its numbers. */
function numberOf(text: string | undefined): { vlan?: number } {
  const vlan = Number.parseInt(text ?? '', 10);
  return Number.isNaN(vlan) ? {} : { vlan };
}

interface FetchLine {
  readonly name: string;
  readonly state: string;
  readonly bytes: number;
  readonly doneBytes: number;
  readonly error: string;
}

function fetchesOf(entry: ResponseEntry | undefined): readonly FetchLine[] {
  if (entry && entry.Error !== '') throw new AppError('unreachable', described(entry));
  return Array.isArray(entry?.Data) ? (entry.Data as readonly FetchLine[]) : [];
}
