// What people do in the console, found by what they see: roles, labels and words. Journeys are made of these.
import type { Lab } from '../lab/lab.ts';
import type { Person } from './browser.ts';

export const admin = { name: 'Ann', email: 'ann@example.org', password: 'correct horse battery' };

/** Opens the one-time link and becomes the first admin. */
export async function makeFirstAdmin({ page }: Person, setupLink: string): Promise<void> {
  await page.goto(setupLink);
  await page.getByLabel('Your name').fill(admin.name);
  await page.getByLabel('Email').fill(admin.email);
  await page.getByLabel('Password', { exact: true }).fill(admin.password);
  await page.getByLabel('Password again').fill(admin.password);
  await page.getByRole('button', { name: 'Make me the admin' }).click();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
}

/** Signs in on the login page that is open. */
export async function signIn({ page }: Person, user: { email: string; password: string }): Promise<void> {
  await page.getByLabel('Email').fill(user.email);
  await page.getByLabel('Password').fill(user.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Nodes of a lab as a list to paste: this machine's resolver does not know their names. */
export async function nodeList(lab: Lab, names?: readonly string[]): Promise<string> {
  const nodes = await lab.nodes();
  return nodes
    .filter(({ name }) => names?.includes(name) ?? true)
    .map(({ name, address }) => `${name}=${address}`)
    .join('\n');
}

export interface AddNodes {
  readonly list: string;
  readonly user: string;
  readonly password: string;
  /** Boxes of the options page to toggle. */
  readonly toggle: readonly string[];
}

/** From the overview to the plan of an add-nodes run. */
export async function planAddNodes({ page }: Person, { list, user, password, toggle }: AddNodes): Promise<void> {
  await page.getByRole('link', { name: 'Add nodes' }).first().click();
  await page.getByRole('textbox', { name: 'Nodes', exact: true }).fill(list);
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('User').fill(user);
  await page.getByLabel(`Password of ${user}`).fill(password);
  await page.getByRole('button', { name: 'Next' }).click();
  for (const label of toggle) await page.getByRole('checkbox', { name: label }).click();
  await page.getByRole('button', { name: 'Make the plan' }).click();
  await page.getByRole('button', { name: 'Run it' }).waitFor({ timeout: 60_000 });
}

/** The fingerprints that the plan shows for a node. */
export async function shownFingerprints({ page }: Person, node: string): Promise<string[]> {
  const row = page.getByRole('list', { name: 'Host keys by node' }).getByRole('listitem').filter({ hasText: node });
  return (await row.innerText()).match(/SHA256:\S+/g) ?? [];
}

/** Runs the plan that is shown, and waits until it is done. */
export async function runPlan({ page }: Person, options: { consent?: RegExp; timeoutMs: number }): Promise<void> {
  if (options.consent) await page.getByRole('checkbox', { name: options.consent }).click();
  await page.getByRole('button', { name: 'Run it' }).click();
  await page.getByRole('status').filter({ hasText: /^Done/ }).waitFor({ timeout: options.timeoutMs });
}

/** From the run that added nodes to the plan of their deploy. */
export async function planDeploy({ page }: Person, context: string): Promise<void> {
  await page.getByRole('link', { name: 'Deploy to them' }).click();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('Context').fill(context);
  await page.getByRole('button', { name: 'Make the plan' }).click();
  await page.getByRole('button', { name: 'Run it' }).waitFor({ timeout: 60_000 });
}
