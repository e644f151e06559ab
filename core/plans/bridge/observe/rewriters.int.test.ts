// What the boot's own programs write, on this machine's files with some folders of /etc and /srv empty. Needs root.
import { expect, test } from 'vitest';
import { localRunner } from '../../../../host/runner.ts';
import { readObserved } from './observed.ts';
import { judgeRegenerated } from './regenerated.ts';
import { readRewriters, rewritersScript } from './rewriters.ts';

const prelude = `
t() { timeout -k 1 3 "$@" 2>/dev/null; }
encode() { head -c "\${1:-65536}" | base64 -w0; }
for folder in /etc/systemd/system /etc/cron.d /srv; do mount -t tmpfs tmpfs "$folder"; done
mkdir /etc/systemd/system/multi-user.target.wants
unit() { printf '[Service]\\n%s\\n' "$2" >"/etc/systemd/system/$1"; ln -s "../$1" /etc/systemd/system/multi-user.target.wants/; }
script() { printf '#!/bin/sh\\n%s\\n' "$2" >"$1"; chmod 755 "$1"; }
`;

async function observe(setup: string) {
  const argv = ['unshare', '--mount', 'sh', '-c', `${prelude}\n${setup}\n${rewritersScript}\necho end`];
  const { stdout } = await localRunner.run(argv, { timeoutMs: 50_000 });
  return readRewriters(readObserved(stdout));
}
const judge = async (setup: string, path = '/etc/network/interfaces') =>
  judgeRegenerated({ regenerated: await observe(setup) }, [{ path }]);

test.each([
  ['in its unit', `unit site.service "ExecStart=/bin/cp /srv/net /etc/network/interfaces"`],
  ['by a shell in its unit', `unit site.service "ExecStart=/bin/sh -c 'cat /srv/net >/etc/network/interfaces'"`],
  [
    'in its script',
    `unit site.service ExecStart=-/srv/site-net; script /srv/site-net 'cp /srv/net /etc/network/interfaces'`,
  ],
  [
    'by a variable of its script',
    `unit site.service 'ExecStart=/bin/sh /srv/site-net start'; script /srv/site-net 'F=/etc/network/interfaces
printf "auto lo\\n" >"$F"'`,
  ],
  ['into the folder', `unit site.service "ExecStart=/usr/bin/rsync -a /srv/net/ /etc/network/"`],
  [
    'in place',
    `unit site.service ExecStart=/srv/site-net; script /srv/site-net 'sed -i "s/a/b/" /etc/network/interfaces'`,
  ],
  [
    'in Python',
    `unit site.service ExecStart=/srv/site-net; printf '#!/usr/bin/python3\\nopen("/etc/network/interfaces", "w").write("x")\\n' >/srv/site-net`,
  ],
])('a unit of the boot that writes the file %s blocks the plan, with the command that ends it', async (_how, setup) => {
  expect(await judge(setup)).toEqual([
    {
      id: 'regenerated',
      level: 'block',
      field: '',
      text: expect.stringMatching(
        /^site\.service \((\/etc\/systemd\/system\/\S+|\/srv\/site-net):\d+: .+\) writes \/etc\/network\/(interfaces)? again at boot: /,
      ) as string,
      mend: expect.stringMatching(
        /^systemctl disable site\.service, or have it write what the plan shows for \/etc\/network/,
      ) as string,
    },
  ]);
});

test('a line of cron for the boot counts as well', async () => {
  const [finding] = await judge(`echo '@reboot root cp /srv/net /etc/network/interfaces' >/etc/cron.d/net`);
  expect(finding).toMatchObject({ level: 'block', mend: expect.stringContaining('/etc/cron.d/net') as string });
});

test('what reads the file, saves it elsewhere, writes another one or is not enabled blocks nothing', async () => {
  const harmless = [
    'grep -q eth0 /etc/network/interfaces || exit 1',
    'cp /etc/network/interfaces /etc/network/interfaces.bak',
    '# cp /srv/net /etc/network/interfaces',
    'F=/etc/network/interfaces; cat "$F" >/srv/copy; diff /srv/net $F',
    'sed -n p /etc/network/interfaces >/srv/copy',
    'cp /srv/net /etc/network/interfaces.d/other',
  ];
  const setup = `unit site.service ExecStart=/srv/site-net; script /srv/site-net '${harmless.join('\n')}'
unit off.service "ExecStart=/bin/cp /srv/net /etc/network/interfaces"
rm /etc/systemd/system/multi-user.target.wants/off.service`;
  expect(await judge(setup)).toEqual([]);
  expect(await judge(setup, '/etc/network/interfaces.d/eth0')).toEqual([]);
});
