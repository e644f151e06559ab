// The guest boots without KVM, has a shell on its serial line, and takes the address of its kernel command line.
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { localRunner } from '../host/runner.ts';
import { ensureGuest, type Guest } from './guest.ts';
import { runInGuest } from './guest-shell.ts';
import { defaultCache } from './layout.ts';

const canBuild = await access('/usr/bin/dpkg-deb').then(
  () => process.getuid?.() === 0,
  () => false,
);

const home = '-nic user,model=e1000';
const qemu = 'qemu-system-x86_64 -accel tcg -m 96 -display none -monitor none -no-reboot'.split(' ');

/** Boots the guest, types each line when the text before it has shown, and gives all that its serial line said. */
async function converse(
  guest: Guest,
  append: string,
  script: readonly (readonly [RegExp, string])[],
  nic = home,
): Promise<string> {
  const keyboard = new PassThrough();
  const steps = [...script];
  let said = '';
  const boot = ['-kernel', guest.kernel, '-initrd', guest.initramfs, '-append', `console=ttyS0 quiet ${append}`];
  await localRunner.run([...qemu, ...boot, '-serial', 'stdio', ...nic.split(' ')], {
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

  it('takes a link-local address when nobody serves DHCP', async () => {
    const guest = await ensureGuest(defaultCache, () => undefined);
    const said = await converse(
      guest,
      '',
      [[/eth0 has 169\.254\.\S+, since nobody serves DHCP/, 'ifconfig eth0; poweroff -f']],
      '-nic hubport,hubid=0,model=e1000,mac=52:54:00:12:fe:07',
    );
    // From the end of its MAC: 0xfe is 254, which is 0 of 254.
    expect(said).toMatch(/inet addr:169\.254\.1\.7 .*Mask:255\.255\.0\.0/);
  });

  it('runs commands of others over its serial line, and tags frames', async () => {
    const guest = await ensureGuest(defaultCache, () => undefined);
    const folder = await mkdtemp(join(tmpdir(), 'guest-'));
    const serial = join(folder, 'serial');
    const append = 'console=ttyS0 quiet ip=off hostname=web7';
    const boot = ['-kernel', guest.kernel, '-initrd', guest.initramfs, '-append', append];
    const chardev = ['-serial', `unix:${serial},server=on,wait=on`];
    const running = localRunner.run([...qemu, ...boot, ...chardev, '-nic', 'user,model=virtio-net-pci'], {
      timeoutMs: 60_000,
    });
    try {
      while (
        !(await access(serial).then(
          () => true,
          () => false,
        ))
      )
        await setTimeout(50);
      expect(await runInGuest(serial, 'hostname; false')).toEqual({ output: 'web7\n', code: 1 });
      const tagged = await runInGuest(
        serial,
        'vconfig add eth0 7 && ifconfig eth0.7 10.1.0.1 && cat /proc/net/vlan/eth0.7',
      );
      expect(tagged.output).toContain('VID: 7');
      await expect(runInGuest(serial, 'poweroff -f')).rejects.toThrow('the serial line ended');
      await running;
      await expect(runInGuest(serial, 'true')).rejects.toMatchObject({ code: 'unreachable' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
