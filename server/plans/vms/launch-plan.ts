// Launch VMs: what the planner asks of the cluster. Nothing is made: a namespace that is not there is not named in a line.
import { z } from 'zod';
import type { ResponseEntry } from '../../../contract/command-socket.ts';
import { AppError } from '../../../contract/errors.ts';
import { fleetKeys } from '../../../contract/fleet-keys.ts';
import { fleetFromSnapshot, rowsOf } from '../../../core/fleet-view.ts';
import { launchKind } from '../../../core/plans/kinds.ts';
import { launchActions } from '../../../core/plans/vms/actions.ts';
import { LaunchForm, namesOf } from '../../../core/plans/vms/form.ts';
import type { LaunchFacts, SurveyedHost } from '../../../core/plans/vms/launch-facts.ts';
import { planLaunch } from '../../../core/plans/vms/plan.ts';
import { lineOf, settingsOf } from '../../../core/plans/vms/settings.ts';
import { describeRange } from '../../../core/ranges/describe-range.ts';
import { invalid } from '../../form.ts';
import type { Caller } from '../../ports.ts';
import { actionTable } from '../action.ts';
import { type PlannerParts, serveKind } from '../plan-kind.ts';
import { placeExecutors } from './place-actions.ts';
import { vmExecutors } from './vm-actions.ts';

const askMs = 30_000;
/** A console that was just started is about to find a node. */
const attachMs = 10_000;

const Survey = z.object({
  CPUs: z.number(),
  MemTotal: z.number(),
  CPUCommit: z.number(),
  MemCommit: z.number(),
  NetworkCommit: z.number(),
  VMs: z.number(),
  Limit: z.number(),
  Taken: z.array(z.string()),
  Missing: z.array(z.object({ Name: z.string(), Bytes: z.number() })),
  Issue: z.string(),
  Warning: z.string(),
});

export const launchPlan = serveKind(launchKind, {
  form: LaunchForm,
  actions: actionTable(launchActions, { ...placeExecutors, ...vmExecutors }),
  plan: async (form, { signal, context }, parts) => {
    await attached(form.cluster, parts, signal);
    const caller: Caller = { userId: `plan ${context.id}`, name: 'a plan', role: launchKind.role };
    const ask = (line: string) =>
      parts.commands.run({
        cluster: form.cluster,
        node: '',
        line,
        timeoutMs: askMs,
        caller,
        signal,
        onStatus: () => undefined,
      });
    const result = planLaunch(form, await observe(form, ask, parts), context);
    if (!result.ok) throw invalid(result.field, result.message);
    return result.plan;
  },
});

type Ask = (line: string) => Promise<readonly ResponseEntry[]>;

async function observe(form: LaunchForm, ask: Ask, parts: Pick<PlannerParts, 'fleet'>): Promise<LaunchFacts> {
  const [all] = await ask('namespace');
  const isThere = all?.Tabular?.some(([name]) => name === form.namespace) ?? false;
  const inside = (...words: readonly string[]) => lineOf(...(isThere ? ['namespace', form.namespace] : []), ...words);
  const [hosts] = isThere ? await ask(inside('ns', 'hosts')) : [];
  const [vlans] = isThere ? await ask(inside('vlans')) : [];
  const own = namesOf(hosts?.Response ?? '');
  const nodes = form.nodes === '' ? (own.length === 0 ? 'all' : describeRange(own)) : form.nodes;
  const entries = await ask(inside('vm', 'survey', nodes, form.names, ...settingsOf(form)));
  const surveyed = readSurvey(entries);
  return {
    ...surveyed,
    namespace: isThere ? { hosts: own } : null,
    aliases: new Map((vlans?.Tabular ?? []).map(([alias = '', vlan = '']) => [alias, vlan])),
    ...rowsIn(form, parts),
  };
}

/** @throws AppError `invalid` with what the attached node says of the settings */
function readSurvey(entries: readonly ResponseEntry[]): Pick<LaunchFacts, 'hosts' | 'silent'> {
  const hosts: SurveyedHost[] = [];
  const silent: { name: string; why: string }[] = [];
  for (const { Host: name, Data, Error: why } of entries) {
    const read = Survey.safeParse(Data);
    if (!read.success) {
      silent.push({ name, why: why === '' ? 'an answer of another version' : why });
      continue;
    }
    const { data } = read;
    hosts.push({
      name,
      cpus: data.CPUs,
      memoryMb: data.MemTotal,
      committedCpus: data.CPUCommit,
      committedMemoryMb: data.MemCommit,
      committedNets: data.NetworkCommit,
      vmLimit: data.Limit,
      vms: data.VMs,
      taken: data.Taken,
      missing: data.Missing.map((file) => ({ name: file.Name, bytes: file.Bytes })),
      issue: data.Issue,
      warning: data.Warning,
    });
  }
  return { hosts, silent };
}

/** What only the rows of all namespaces tell: who holds a number, and VMs whose node is away. */
function rowsIn(
  form: LaunchForm,
  { fleet }: Pick<PlannerParts, 'fleet'>,
): Pick<LaunchFacts, 'engine' | 'holders' | 'lost' | 'unbridged'> {
  const view = fleetFromSnapshot(fleet.snapshot());
  const isOurs = ({ Cluster }: { Cluster: string }) => form.cluster === '' || Cluster === form.cluster;
  const names = new Map([...view.nodes.values()].map((node) => [node.Id, node.Name]));
  const vlans = [...rowsOf(view, fleetKeys.vlans).values()].filter(isOurs);
  const vms = [...rowsOf(view, fleetKeys.vms).values()].filter(isOurs);
  const bridges = [...rowsOf(view, fleetKeys.bridges).values()].filter(isOurs);
  return {
    engine: view.clusters.find(({ Id }) => form.cluster === '' || Id === form.cluster)?.Engine ?? 'meshd',
    unbridged: new Set(bridges.filter(({ Uplink }) => Uplink === '').map(({ Node }) => names.get(Node) ?? Node)),
    holders: new Map(vlans.map(({ Vlan, Namespace, Alias }) => [Vlan, Alias === '' ? '' : `${Namespace}//${Alias}`])),
    lost: new Map(
      vms
        .filter(({ State, Namespace }) => State === 'LOST' && Namespace === form.namespace)
        .map(({ Name, Node }) => [Name, names.get(Node) ?? Node]),
    ),
  };
}

/** Resolves when the console is attached to the cluster. @throws AppError `unreachable`, `not-found` */
async function attached(id: string, { fleet }: Pick<PlannerParts, 'fleet'>, signal: AbortSignal): Promise<void> {
  const look = () => {
    const { clusters } = fleetFromSnapshot(fleet.snapshot());
    const chosen = id === '' ? clusters : clusters.filter((cluster) => cluster.Id === id);
    if (clusters.length === 0) throw new AppError('not-found', 'there is no cluster yet: deploy one');
    if (chosen.length === 0) throw invalid('cluster', 'no such cluster here');
    if (chosen.length > 1) throw invalid('cluster', 'there are several clusters: choose one');
    return chosen[0]?.State === 'attaching' ? null : chosen[0]?.State;
  };
  if (look() !== null) return;
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(attachMs)]);
  await new Promise<void>((resolve) => {
    const end = () => {
      stop();
      resolve();
    };
    const stop = fleet.onDelta(() => {
      if (look() !== null) end();
    });
    deadline.addEventListener('abort', end, { once: true });
  });
  signal.throwIfAborted();
}
