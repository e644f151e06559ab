// On real guests from the browser: DHCP on a VLAN, started on a chosen node, with its leases beside the VMs that have them, and stopped; and packets of a VM,
// captured, read live and downloaded.
import { readFile } from 'node:fs/promises';
import { runMeshd } from '../lab/cluster.ts';
import { ensureGuest } from '../lab/guest.ts';
import { defaultCache } from '../lab/layout.ts';
import { accessIssues, desktop, overflow, phone, shoot, type Person } from './browser.ts';
import { expect, test } from './fixtures.ts';

test.use({ scene: { lab: 'e2edhcp', nodes: 2, cluster: 'meshed', me: 'admin' } });

/** Guests that boot without KVM. */
const bootMs = 180_000;

/** Both themes on both screens; what axe finds, and what is wider than the screen. */
async function look({ page }: Person, name: string): Promise<void> {
  const found: string[] = [];
  for (const size of [desktop, phone]) {
    await page.setViewportSize(size);
    for (const scheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await shoot(page, name, scheme);
      found.push(...(await accessIssues(page)));
    }
    const wider = await overflow(page);
    if (wider > 0) found.push(`${page.url()} is ${wider} px wider than ${size.width}`);
  }
  await page.setViewportSize(desktop);
  expect(found).toEqual([]);
}

test('a VLAN gets DHCP, its guests get leases, and it ends', async ({ lab, me }) => {
  const guest = await ensureGuest(defaultCache, () => undefined);
  await lab.copyIn('node1', guest.kernel, '/var/lib/meshd/files/vmlinuz');
  await lab.copyIn('node1', guest.initramfs, '/var/lib/meshd/files/initramfs.gz');
  const meshd = (...words: string[]) => runMeshd(lab, 'node1', words);
  const settings = ['memory=96', 'kernel=vmlinuz', 'initrd=initramfs.gz', 'append=console=ttyS0 quiet', 'networks=lan'];
  await meshd('vm', 'launch', 'kvm', 'web[1-2]', 'with', ...settings);

  await me.page.goto('/vlans?vlan=minimega%2F%2Flan');
  await me.page.getByRole('button', { name: 'DHCP on this VLAN…' }).click();
  const dialog = me.page.getByRole('dialog');
  await dialog.getByLabel('Address of the server').fill('10.6.0.1/24');
  await expect(dialog.getByText('10.0.0.10 is not in 10.6.0.0/24', { exact: false })).toBeVisible();
  await dialog.getByLabel('First address for guests').fill('10.6.0.10');
  await dialog.getByLabel('Last address for guests').fill('10.6.0.99');
  await dialog.getByLabel('Gateway (optional)').fill('10.6.0.254');
  await dialog.getByText('dnsmasq serve lan 10.6.0.1/24 10.6.0.10 10.6.0.99 gateway=10.6.0.254').waitFor();
  await look(me, 'dhcp-start');
  // The VMs are on node1, so it stands first.
  await dialog.getByRole('button', { name: 'Start', exact: true }).click();
  const server = me.page.getByRole('region', { name: 'DHCP on node1' });
  await server.getByText('running').waitFor();

  await meshd('vm', 'start', 'all');
  await server.getByText('2 leases').waitFor({ timeout: bootMs });
  await look(me, 'dhcp-leases');
  await server.getByRole('link', { name: 'web1', exact: true }).click();
  await me.page.getByRole('heading', { name: 'web1' }).waitFor();
  await expect(me.page.getByText(/^10\.6\.0\.\d+ until /)).toBeVisible();
  await look(me, 'dhcp-vm');

  await me.page.goto('/vlans?vlan=minimega%2F%2Flan');
  await me.page.getByRole('button', { name: 'Stop DHCP on node1' }).click();
  await me.page.getByText('No node serves DHCP on it', { exact: false }).waitFor();
  const left = await lab.exec('node1', ['sh', '-c', 'ip netns list; pgrep -x dnsmasq; ls /var/lib/meshd/dhcp; true']);
  expect(left.stdout.trim()).toBe('');
  expect(me.problems).toEqual([]);
});

test('packets of a VM are captured, read as they come, and downloaded', async ({ lab, me }) => {
  await me.page.goto('/vms/node1/0');
  await me.page.getByRole('button', { name: 'Capture packets of web1' }).click();
  const dialog = me.page.getByRole('dialog');
  await dialog.getByLabel('Filter (optional)').fill('icmp or or');
  await dialog.getByText("can't parse filter expression", { exact: false }).waitFor();
  await look(me, 'capture-wrong-filter');
  await dialog.getByLabel('Filter (optional)').fill('udp or arp');
  await expect(dialog.getByText("can't parse filter expression", { exact: false })).toHaveCount(0);
  await dialog.getByRole('button', { name: 'Start', exact: true }).click();
  await me.page.getByText('Capturing web1', { exact: false }).first().waitFor();
  // A guest that boots asks for an address.
  await runMeshd(lab, 'node1', ['vm', 'reboot', 'web1']);

  await me.page.goto('/captures');
  await me.page.getByText('web1 NIC 0').first().click();
  const packets = me.page.getByRole('group', { name: 'Packets' });
  await packets.getByText('DHCP', { exact: true }).first().waitFor({ timeout: bootMs });
  await look(me, 'capture-packets');
  const details = me.page.getByRole('region', { name: /^Capture of/ });
  await details.getByRole('button', { name: 'Stop', exact: true }).click();
  await details.getByText('ended', { exact: false }).first().waitFor();
  const waiting = me.page.waitForEvent('download');
  await details.getByText('Download pcapng').click();
  const bytes = await readFile(await (await waiting).path());
  // A section header block, and a name of its interface (draft-ietf-opsawg-pcapng, 4.1 and 4.2).
  expect(bytes.readUInt32LE(0)).toBe(0x0a0d0d0a);
  expect(bytes.includes('web1')).toBe(true);
  expect(me.problems).toEqual([]);
});
