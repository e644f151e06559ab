import { describe, expect, test } from 'vitest';
import { describeUnit } from './unit.ts';

const lineOf = (text: string, key: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`${key}=`))
    .join('\n');

describe('the unit', () => {
  const unit = describeUnit({
    command: '/opt/meshd/bin/meshd',
    flags: ['-headnode=node1', '-degree=3', '-context=john'],
  });

  test('starts meshd with its flags, always again, and leaves VMs alone', () => {
    expect(lineOf(unit, 'ExecStart')).toBe('ExecStart=/opt/meshd/bin/meshd -headnode=node1 -degree=3 -context=john');
    expect(unit).toContain('\nRestart=always\nRestartSec=1\n');
    expect(unit).toContain('\nKillMode=process\n');
    expect(unit).toContain('\nWantedBy=multi-user.target\n');
    expect(unit).toContain('\nRestartPreventExitStatus=0 3\n');
    expect(unit).toContain('\nStandardOutput=journal\n');
  });

  test('flags reach meshd as they are: systemd expands nothing', () => {
    const odd = describeUnit({ command: '/opt/meshd/bin/meshd', flags: ['-base=/x y', '-logfile=/a%b$c"d\\e'] });
    expect(lineOf(odd, 'ExecStart')).toBe(
      String.raw`ExecStart=/opt/meshd/bin/meshd "-base=/x y" "-logfile=/a%%b$$c\"d\\e"`,
    );
  });

  test('output goes to a file where one is set', () => {
    const filed = describeUnit({ command: 'x', flags: [], stdoutPath: '/var/log/meshd.out', stderrPath: '/tmp/%i' });
    expect(lineOf(filed, 'StandardOutput')).toBe('StandardOutput=append:/var/log/meshd.out');
    expect(lineOf(filed, 'StandardError')).toBe('StandardError=append:/tmp/%%i');
  });
});
