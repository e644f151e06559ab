// From a form to a plan to a run: what `nodes add`, `deploy` and their like share.
import { AppError } from '../contract/errors.ts';
import type { Plan, PlanKind } from '../contract/plans.ts';
import { forAllNodes, isKeyName, passphraseName } from '../core/plans/secret-names.ts';
import { safeJson, safeText } from '../core/safe-text.ts';
import type { Backend } from './backend.ts';
import { driveRun } from './drive-run.ts';
import { exitCodes } from './exit-codes.ts';
import { describePlan, describeRescue } from './plan-text.ts';
import { readIdentity } from './identity.ts';
import { askSecret, askYesNo, isInteractive, readSecretFromStdin, tellError } from './terminal.ts';

export interface PlanOptions {
  /** Prints the plan and does nothing. */
  readonly plan?: true;
  /** Runs it without asking. */
  readonly run?: true;
  readonly json?: true;
  readonly yes?: true;
  readonly passwordStdin?: true;
  /** Accepts unknown host keys as they are shown. */
  readonly acceptNew?: true;
  /** Accepts those of these fingerprints. */
  readonly fingerprint?: string[];
  /** File of the private key for the first login. */
  readonly identity?: string;
  readonly passphraseStdin?: true;
}

/** Makes the plan, shows it, and runs it when asked to. Returns the exit code. */
export async function planAndRun(
  backend: Backend,
  kind: PlanKind,
  form: Record<string, unknown>,
  options: PlanOptions,
): Promise<number> {
  const user = typeof form['user'] === 'string' ? form['user'] : 'root';
  const given = options.identity === undefined ? {} : await readIdentity(user, options);
  const whole = options.identity === undefined ? form : { ...form, login: 'key' };
  let plan: Plan;
  try {
    plan = await backend.makePlan(kind, whole, given);
  } catch (error) {
    const asksPassphrase = error instanceof AppError && error.detail?.['field'] === 'passphrase';
    if (!asksPassphrase || given[passphraseName(`key:${user}`)] !== undefined) throw error;
    if (!isInteractive()) {
      tellError(`${error.message} (--passphrase-stdin)`);
      return exitCodes.needsPerson;
    }
    given[passphraseName(`key:${user}`)] = await askSecret(`passphrase of ${options.identity ?? 'the key'}`);
    plan = await backend.makePlan(kind, whole, given);
  }
  const json = options.json ?? false;
  if (options.plan || !options.run || !json) console.log(json ? safeJson(plan, 2) : describePlan(plan));
  if (options.plan) return exitCodes.done;
  if (!options.run) {
    if (!isInteractive()) return exitCodes.done;
    if (!(await askYesNo('Run it?', false))) return exitCodes.done;
  } else {
    const unknown = unacceptedKeys(plan, options);
    if (unknown.length > 0) {
      console.error(
        `these host keys are not known yet: compare them, then give --fingerprint for each node, or --accept-new:`,
      );
      for (const { node, fingerprints } of unknown) console.error(safeText(`  ${node}: ${fingerprints.join(', ')}`));
      return exitCodes.needsPerson;
    }
  }
  const secrets = { ...(await collectSecrets(plan, user, options)), ...given };
  const rescue = json ? '' : describeRescue(plan, backend.command);
  if (rescue !== '') console.log(rescue);
  const { id } = await backend.startRun(plan.id, secrets);
  return driveRun(backend, id, { json, yes: options.yes ?? false });
}

/** Nodes whose key would be pinned without anyone having looked at it. */
function unacceptedKeys(plan: Plan, options: PlanOptions): { node: string; fingerprints: string[] }[] {
  if (options.acceptNew) return [];
  const accepted = new Set(options.fingerprint ?? []);
  return plan.steps
    .filter((step) => step.do.action === 'pinHostKey' && !step.isDone)
    .map((step) => ({
      node: step.node,
      // A node that did not answer showed no key: there is nothing to look at, and its step says why it fails.
      fingerprints: step.preview.map(({ text }) => text).filter((text) => text.includes(' SHA256:')),
    }))
    .filter(
      ({ fingerprints }) =>
        fingerprints.length > 0 && !fingerprints.some((text) => accepted.has(text.split(' ')[1] ?? '')),
    );
}

/** One password for all nodes; the run asks for the password of a node that refuses it. */
async function collectSecrets(plan: Plan, user: string, options: PlanOptions): Promise<Record<string, string>> {
  const kinds = [...new Set(plan.secrets.map(({ name }) => forAllNodes(name)).filter((name) => !isKeyName(name)))];
  if (options.passwordStdin) {
    const secret = await readSecretFromStdin();
    return Object.fromEntries((kinds.length > 0 ? kinds : [`password:${user}`]).map((name) => [name, secret]));
  }
  if (!isInteractive()) return {};
  const secrets: Record<string, string> = {};
  for (const name of kinds) {
    const secret = await askSecret(`${name.replace(':', ' of ')} (empty: log in by key)`);
    if (secret !== '') secrets[name] = secret;
  }
  return secrets;
}
