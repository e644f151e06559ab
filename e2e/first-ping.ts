// A new user of `npm run demo`, who has its link and a browser: from there to a ping between two VMs of theirs.
import type { Browser } from '@playwright/test';
import { openPerson, shoot, type Person } from './browser.ts';
import { makeFirstAdmin } from './journey.ts';
import { planLaunch, serialText } from './vm-journey.ts';

/** Bridges of four nodes, and guests without KVM, on a machine that does other things too. */
const waitMs = 600_000;

export interface FirstPing {
  /** Still there, with its session. */
  readonly me: Person;
  /** Since the link was opened, by what was reached. */
  readonly seconds: readonly (readonly [what: string, seconds: number])[];
  /** What the serial line showed. */
  readonly said: string;
}

/** Nothing is typed but a name, a password, a namespace, a VLAN, how many VMs, and the ping. */
export async function pingAsNewUser(browser: Browser, link: URL): Promise<FirstPing> {
  const startedAt = performance.now();
  const seconds: [string, number][] = [];
  const reached = (what: string) => {
    seconds.push([what, Math.round((performance.now() - startedAt) / 1_000)]);
  };
  const me = await openPerson(browser, link.origin);
  const { page } = me;
  page.setDefaultTimeout(waitMs);
  await makeFirstAdmin(me, link.href);
  reached('signed up');
  // The demo makes its bridges still: its run ends with the way to the wizard.
  await page.getByRole('link', { name: 'Runs', exact: true }).first().click();
  await page.getByRole('link', { name: /^mega_bridge on/ }).click();
  await page.getByRole('status').filter({ hasText: /^Done/ }).waitFor();
  reached('bridges');
  await page.getByRole('link', { name: 'Launch VMs' }).click();
  await planLaunch(me, { namespace: 'mine', vlan: 'lan', names: '2' });
  reached('plan');
  await page.getByRole('button', { name: 'Run it' }).click();
  const made = page.getByRole('list', { name: 'VMs of this launch' });
  const vm = (name: string) =>
    made.getByRole('listitem').filter({ has: page.getByRole('link', { name, exact: true }) });
  await vm('vm2').waitFor();
  reached('two VMs run');
  await vm('vm2')
    .getByText(/169\.254\./)
    .waitFor();
  await vm('vm1')
    .getByText(/169\.254\./)
    .waitFor();
  const address = /169\.254\.\d+\.\d+/.exec(await vm('vm2').innerText())?.[0] ?? '';
  reached('their addresses');
  await shoot(page, 'first-ping-launched');
  await vm('vm1').getByRole('link', { name: 'Serial line' }).click();
  await page.getByRole('status').filter({ hasText: 'You type' }).waitFor();
  await page.keyboard.type(`\nping -c 10 ${address}\n`);
  await page
    .getByRole('group', { name: /^Serial port/ })
    // The end of the line: it comes in pieces.
    .getByText(/% packet loss/)
    .first()
    .waitFor();
  reached('ping');
  await shoot(page, 'first-ping');
  return { me, seconds, said: await serialText(page) };
}
