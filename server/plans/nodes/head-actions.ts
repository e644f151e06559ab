// The head node: its own key and pins, the program tree, meshd as its service, and the console attached to it.
import { AppError, describeError } from '../../../contract/errors.ts';
import { Roster, SignedRoster } from '../../../contract/roster.ts';
import { findPreflightIssues } from '../../../core/deploy/probe.ts';
import { logsScript } from '../../../host/scripts/deploy.ts';
import { scriptArgv } from '../../../host/scripts/script-argv.ts';
import { planNodeWork } from '../../../core/deploy/steps.ts';
import { installedTree } from '../../../core/deploy/tree.ts';
import { describeUnit } from '../../../core/deploy/unit.ts';
import { deployFlags, parseFlags } from '../../../core/flags.ts';
import type { headActions } from '../../../core/plans/nodes/actions.ts';
import { headKeyScript, knownHostsScript, receiveFileScript } from '../../../core/plans/nodes/host-scripts.ts';
import { openOwnTree, openPacked } from '../../../host/tree/own-tree.ts';
import type { OwnTree } from '../../../host/tree/own-tree.ts';
import {
  awaitUpgradeEnd,
  installService,
  neededGlibc,
  packingFor,
  probeNode,
  sendTreeFile,
  targetOf,
} from '../../../host/tree/send-tree.ts';
import type { RunThere } from '../../../host/tree/send-tree.ts';
import { sha256Hex } from '../../../host/hash.ts';
import type { StepContext } from '../../runs/executor.ts';
import { outcomeOf } from '../action.ts';
import type { Executors } from '../action.ts';
import { isPublicKey, knownHostLines } from '../../ssh/host-keys.ts';
import { noCluster } from '../../ssh/stored-hosts.ts';
import type { RootShell } from '../../ssh/login.ts';
import { findHost } from '../../ssh/sessions.ts';

export const statePath = '/var/lib/meshd';
export const basePath = '/run/meshd';

export const headExecutors: Executors<typeof headActions> = {
  ensureHeadKey: async ({ target }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const { stdout } = await shell.run(['sh', '-c', headKeyScript], { signal: context.signal });
    const publicKey = stdout.split('\n')[0] ?? '';
    if (!isPublicKey(publicKey)) throw new AppError('failed', `${target.name} did not return root's public key`);
    return outcomeOf(stdout, { publicKey });
  },

  ensureHeadPins: async ({ target, nodes }, context, parts) => {
    const hosts = await parts.store.hosts.list();
    const lines = nodes.map((node) => {
      const host = findHost(hosts, node.target);
      if (!host) throw new AppError('not-found', `${node.target.name} was removed from the console meanwhile`);
      const names = [...new Set([node.target.name, host.name, ...node.addresses, ...host.addresses])];
      return knownHostLines(names, host.port, host.pins);
    });
    const shell = await parts.sessions.shell(target, context);
    const { stdout } = await shell.run(['sh', '-c', knownHostsScript], {
      stdin: lines.join(''),
      signal: context.signal,
    });
    return outcomeOf(stdout);
  },

  ensureTree: async ({ target }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const [tree, probe] = await Promise.all([openOwnTree(parts.programPath), probeOf(shell, context.signal)]);
    const wanted = targetOf(tree, '');
    const work = planNodeWork(probe, wanted, 'keep');
    const issues = findPreflightIssues(probe, {
      arch: tree.arch,
      glibc: neededGlibc,
      // The head keeps the compressed copies too, since it deploys from there.
      treeBytes: work.runtime ? 2 * tree.runtime.bytes : 4 * tree.program.bytes,
      stateBytes: 16_000_000,
    });
    if (issues.length > 0) throw new AppError('refused', `${target.name} cannot run meshd: ${issues.join('; ')}`);
    for (const [isMissing, file] of [
      [work.runtime, tree.runtime],
      [work.program, tree.program],
    ] as const) {
      if (!isMissing) continue;
      const { bytes } = file.packed[packingFor(probe.tools).packing];
      context.log(`copies the ${file.kind}, ${Math.ceil(bytes / 1e6)} MB`);
      await sendTreeFile(runIn(shell, context.signal), file, probe.tools);
    }
    const companions = await sendCompanions(shell, tree, context);
    return { changed: work.runtime || work.program || companions };
  },

  ensureHeadService: async ({ target, context: meshContext, degree, port }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const tree = await openOwnTree(parts.programPath);
    const probe = await probeOf(shell, context.signal);
    if (probe.manualPid !== null) {
      throw new AppError(
        'conflict',
        `a meshd started by hand runs on ${target.name} (process ${probe.manualPid}): end it with "meshd -e quit" there, then retry`,
      );
    }
    const unit = describeUnit({
      command: `${installedTree}/bin/meshd`,
      flags: headFlags({ context: meshContext, degree, port }),
    });
    const { service } = planNodeWork(probe, targetOf(tree, unit), 'keep');
    if (service !== 'none') {
      context.log(service === 'upgrade' ? 'upgrades meshd' : 'starts meshd');
      await installService(runIn(shell, context.signal), tree, { statePath, basePath, unit, action: service });
    }
    if (service === 'upgrade') await awaitUpgrade(shell, target.name, context.signal);
    await awaitAnswer(shell, target.name, context.signal);
    return { changed: service !== 'none' };
  },

  registerCluster: async ({ target, context: name }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const roster = await readRoster(shell, context.signal);
    const { hosts, clusters } = parts.store;
    const known = (await clusters.list()).find((cluster) => cluster.id === roster.cluster);
    if (!known) {
      await clusters.put({
        id: roster.cluster,
        context: name,
        engine: 'meshd',
        socketPaths: [],
        addedAt: parts.now(),
      });
    }
    const host = await parts.sessions.hostOf(target);
    if (host) {
      const head = roster.nodes.find((node) => node.name.toLowerCase() === host.name.toLowerCase());
      await hosts.update(host.id, (known) => ({
        ...known,
        cluster: roster.cluster,
        nodeId: head?.id ?? known.nodeId,
        isHead: head?.id === roster.head,
      }));
    }
    // Also for a known cluster: a console that died between the two writes knows it without its head.
    await parts.fleet.reload();
    return { changed: !known, result: { cluster: roster.cluster } };
  },

  unregisterCluster: async ({ target }, _context, parts) => {
    const host = await parts.sessions.hostOf(target);
    if (!host?.cluster) return { changed: false };
    const { cluster } = host;
    const { hosts, clusters } = parts.store;
    await clusters.remove(cluster);
    // The head last: as long as it is in the cluster, a second try finds the others.
    const members = (await hosts.list()).filter((member) => member.cluster === cluster);
    for (const member of [...members.filter(({ id }) => id !== host.id), host]) {
      await hosts.update(member.id, (known) => ({ ...known, ...noCluster }));
    }
    await parts.fleet.reload();
    return { changed: true };
  },
};

/**
 * Places the compressed copies, from which the head deploys: without them it spends half a minute of CPU to make them. Returns
 * false when they were there already.
 */
async function sendCompanions(shell: RootShell, tree: OwnTree, context: StepContext): Promise<boolean> {
  let changed = false;
  for (const file of [tree.runtime, tree.program]) {
    const { zstd, gzip } = file.packed;
    const note = Buffer.from(`${JSON.stringify(file.packed)}\n`);
    const path = `${installedTree}/${file.kind}/${file.hash}/${file.name}`;
    const found = await shell.run(
      ['sh', '-c', 'stat -c %s -- "$@" 2>/dev/null || :', 'sh', `${path}.zst`, `${path}.gz`, `${path}.packed.json`],
      {
        signal: context.signal,
      },
    );
    if (found.stdout.trim() === [zstd.bytes, gzip.bytes, note.length].join('\n')) continue;
    changed = true;
    if (file.kind === 'runtime')
      context.log(`copies what the head deploys from, ${Math.ceil((zstd.bytes + gzip.bytes) / 1e6)} MB`);
    for (const packing of ['zstd', 'gzip'] as const) {
      const packed = openPacked(file, packing);
      try {
        await shell.run(
          scriptArgv(receiveFileScript, [`${path}${packing === 'zstd' ? '.zst' : '.gz'}`, file.packed[packing].sha256]),
          { timeoutMs: 400_000, stdin: packed.stream, signal: context.signal },
        );
      } finally {
        packed.stream.destroy();
      }
    }
    // The note last: it says that the other files are complete.
    await shell.run(scriptArgv(receiveFileScript, [`${path}.packed.json`, sha256Hex(note.toString())]), {
      stdin: note,
      signal: context.signal,
    });
  }
  return changed;
}

/** Flags of the head's own service. */
function headFlags(settings: { context: string; degree: number; port: number }): string[] {
  const parsed = parseFlags([`-context=${settings.context}`, `-degree=${settings.degree}`, `-port=${settings.port}`]);
  if (!parsed.ok) throw new AppError('invalid', parsed.message);
  return deployFlags(parsed.flags, '').filter((flag) => flag !== '-headnode=');
}

/** With `port`, also reports what listens there. */
export function probeOf(shell: RootShell, signal: AbortSignal, port?: number) {
  return probeNode(runIn(shell, signal), { statePath, basePath }, port);
}

/** The shell, for what sends the tree; a run that is cancelled ends it. */
function runIn(shell: RootShell, signal: AbortSignal): RunThere {
  return (argv, options) => shell.run(argv, { signal, ...options });
}

/** The roster file on the node. */
export async function readRoster(shell: RootShell, signal: AbortSignal): Promise<Roster> {
  const { stdout } = await shell.run(['cat', `${statePath}/identity/roster.json`], { signal });
  return Roster.parse(JSON.parse(SignedRoster.parse(JSON.parse(stdout)).body));
}

async function awaitUpgrade(shell: RootShell, name: string, signal: AbortSignal): Promise<void> {
  const { outcome, journal } = await awaitUpgradeEnd(runIn(shell, signal));
  if (outcome === 'done') return;
  throw new AppError(
    'failed',
    outcome === 'rolled-back'
      ? `the new program gave no hello on ${name} within 15 s; its previous one runs again${journal}`
      : `the upgrade of ${name} did not end well (${outcome || 'no outcome'})${journal}`,
  );
}

/** Waits until meshd answers on its command socket. */
async function awaitAnswer(shell: RootShell, name: string, signal: AbortSignal): Promise<void> {
  const script = `end=$(($(date +%s) + 20))
    while [ "$(date +%s)" -lt "$end" ]; do
      [ -S "$2/meshd" ] && timeout 5 "$1/bin/meshd" "-base=$2" -e version >/dev/null 2>&1 && [ -f "$3/identity/roster.json" ] && exit 0
      sleep 0.2
    done
    exit 1`;
  try {
    await shell.run(scriptArgv(script, [installedTree, basePath, statePath]), { timeoutMs: 30_000, signal });
  } catch (error) {
    signal.throwIfAborted();
    const said = await shell.run(scriptArgv(logsScript, ['15']), { timeoutMs: 10_000, signal }).then(
      ({ stdout }) => stdout.trim(),
      (cause: unknown) => describeError(cause),
    );
    throw new AppError('failed', `meshd on ${name} does not answer within 20 s:\n${said}`, { cause: error });
  }
}
