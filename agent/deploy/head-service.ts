// The head's own service: installed and enabled by each launch, so that the head comes back after a reboot, but never
// started or restarted here: an administrator may have started the meshd that deploys, and it keeps running.
import { constants } from 'node:fs';
import { copyFile, link, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { deployFlags } from '../../core/flags.ts';
import { installedTree } from '../../core/deploy/tree.ts';
import { describeUnit } from '../../core/deploy/unit.ts';
import type { LaunchPlan } from './node.ts';
import { runAsRoot } from '../../host/as-root.ts';
import type { OwnTree, TreeFile } from '../../host/tree/own-tree.ts';
import { companionSuffixes } from '../../host/tree/packed.ts';
import { installService } from '../../host/tree/send-tree.ts';
import type { RunThere } from '../../host/tree/send-tree.ts';
import type { DeployComponents, DeployOptions } from './types.ts';

/** Installs it. Gives a line for people. @throws AppError */
export async function ensureHeadService(
  plan: LaunchPlan,
  options: DeployOptions,
  components: DeployComponents,
  signal: AbortSignal,
): Promise<string> {
  const hasSystemd = await stat('/run/systemd/system').then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!hasSystemd) return 'systemd does not run here: start meshd by hand after a reboot of the head';
  if (plan.tree.root !== installedTree) await copyTree(plan.tree);
  const flags = deployFlags(components.flags(), '').filter((flag) => flag !== '-headnode=');
  const unit = describeUnit({
    command: `${installedTree}/bin/meshd`,
    flags,
    stdoutPath: plan.stdoutPath,
    stderrPath: plan.stderrPath,
  });
  const run: RunThere = (argv, how) =>
    runAsRoot(components.runner, { user: 'root', sudo: false }, argv, { signal, ...how });
  await installService(run, plan.tree, {
    statePath: options.stateFolder,
    basePath: plan.basePath,
    unit,
    action: 'enable',
  });
  return 'the head starts meshd at its next boot';
}

/** Both files with their compressed copies: the installed head deploys from there. */
async function copyTree(tree: OwnTree): Promise<void> {
  for (const file of [tree.runtime, tree.program]) {
    const folder = join(installedTree, file.kind, file.hash);
    await mkdir(folder, { recursive: true, mode: 0o755 });
    for (const suffix of ['', ...companionSuffixes])
      await placeFile(file, suffix, join(folder, `${file.name}${suffix}`));
  }
}

/** A hard link where both are on one file system, a copy elsewhere. */
async function placeFile(file: TreeFile, suffix: string, target: string): Promise<void> {
  const source = `${file.path}${suffix}`;
  const found = await stat(source).catch(() => null);
  const there = await stat(target).catch(() => null);
  if (found === null || there?.size === found.size) return;
  const partial = `${target}.new`;
  await rm(partial, { force: true });
  await link(source, partial).catch(() => copyFile(source, partial, constants.COPYFILE_FICLONE));
  await rename(partial, target);
}
