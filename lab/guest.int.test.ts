// The guest boots without KVM, has a shell on its serial line, and takes the address of its kernel command line.
import { access } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { localRunner } from '../host/runner.ts';
import { ensureGuest, type Guest } from './guest.ts';
import { defaultCache } from './layout.ts';

const canBuild = await access('/usr/bin/dpkg-deb').then(
  () => process.getuid?.() === 0,
  () => false,
);

/** Boots the guest, types each line when the text before it has shown, and gives all that its serial line said. */
async function converse(guest: Guest, append: string, script: readonly (readonly [RegExp, string])[]): Promise<string> {
  const keyboard = new PassThrough();
  const steps = [...script];
  let said = '';
  const qemu = [
    'qemu-system-x86_64',
    '-accel',
    'tcg',
    '-m',
    '96',
    '-display',
    'none',
    '-monitor',
    'none',
    '-no-reboot',
  ];
  const boot = ['-kernel', guest.kernel, '-initrd', guest.initramfs, '-append', `console=ttyS0 quiet ${append}`];
  await localRunner.run([...qemu, ...boot, '-serial', 'stdio', '-nic', 'user,model=e1000'], {
    timeoutMs: 55_000,
    stdin: keyboard,
    onOutput: (text) => {
      said += text;
      const step = steps[0];
      if (step?.[0].test(said)) {
        steps.shift();
        keyboard.write(`${step[1]}\n`);
      }
    },
  });
  return said;
}

describe.skipIf(!canBuild)('the guest', () => {
  it('takes an address and a name from the kernel command line, and answers on its serial line', async () => {
    const guest = await ensureGuest(defaultCache, () => undefined);
    const said = await converse(guest, 'ip=10.0.2.77/24 hostname=web7', [
      [/is up after/, 'echo shell-$((6 * 7)); ifconfig eth0; ping -c1 10.0.2.2; hostname; poweroff -f'],
    ]);
    expect(said).toContain('guest web7 is up after');
    expect(said).toContain('shell-42');
    expect(said).toMatch(/inet addr:10\.0\.2\.77 .*Mask:255\.255\.255\.0/);
    expect(said).toContain('1 packets received');
  });

  it('asks DHCP when the command line names no address', async () => {
    const guest = await ensureGuest(defaultCache, () => undefined);
    const said = await converse(guest, '', [[/eth0 has 10\.0\.2\.15/, 'poweroff -f']]);
    expect(said).toContain('eth0 has 10.0.2.15');
  });
});
