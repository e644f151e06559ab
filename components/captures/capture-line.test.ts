import { expect, test } from 'vitest';
import { parseCommand } from '../../core/commands/parse.ts';
import { commandTable } from '../../core/commands/table.ts';
import { capture } from './rows-for-tests.ts';
import {
  captureLine,
  checkLine,
  compareCaptures,
  downloadPath,
  forgetLine,
  formatBytes,
  newFileName,
  startLine,
  stopLine,
  type CaptureTarget,
} from './capture-line.ts';

const web: CaptureTarget = { kind: 'vm', node: 'node2', namespace: 'exp1', vm: 'web', nics: [] };
const bridge: CaptureTarget = { kind: 'bridge', node: 'node1', bridge: 'mega_bridge' };
const wish = { nic: 0, file: 'web.pcap', filter: 'icmp or arp', megabytes: 100, seconds: 600, by: 'Ann Lee' };

/** The innermost command of a line. */
function innermost(line: string): string {
  const parsed = parseCommand(commandTable, line);
  if (!parsed.ok || parsed.command === null) throw new Error(parsed.ok ? 'empty' : parsed.message);
  let { command } = parsed;
  while (command.nested) command = command.nested;
  return command.pattern.pattern;
}

test('lines that meshd takes, on the node of the capture', () => {
  const start = startLine({ ...wish, target: web }, 'node1');
  expect(start).toBe(
    'namespace exp1 mesh send node2 capture pcap vm web 0 web.pcap size=100 time=600 "filter=icmp or arp" "by=Ann Lee"',
  );
  expect(innermost(start)).toBe('capture <pcap,> vm <vm name> <interface index> <filename> <option>...');
  expect(startLine({ ...wish, target: web, nic: null, filter: '', by: '' }, 'node2')).toBe(
    'namespace exp1 capture pcap vm web all web.pcap size=100 time=600',
  );
  expect(innermost(startLine({ ...wish, target: bridge }, 'node1'))).toBe(
    'capture <pcap,> bridge <bridge> <filename> <option>...',
  );
  const line = captureLine(capture({ Id: 7 }), 'node2');
  expect([stopLine(line, 'node1'), forgetLine(line, 'node2')]).toEqual([
    'mesh send node2 capture stop 7',
    'capture forget 7',
  ]);
  expect([stopLine(line, 'node1'), forgetLine(line, 'node2')].map(innermost)).toEqual([
    'capture <stop,> <id>',
    'capture <forget,> <id>',
  ]);
  expect(innermost(checkLine('node2', 'host "x"; reboot', 'node1'))).toBe('capture <check,> <bpf>');
});

test('those that run are first, then the newest', () => {
  const lines = [
    captureLine(capture({ Id: 1, State: 'ended', Started: 5 }), 'node1'),
    captureLine(capture({ Id: 2, State: 'failed', Started: 9 }), 'node1'),
    captureLine(capture({ Id: 3, State: 'running', Started: 1 }), 'node1'),
  ];
  expect(lines.toSorted(compareCaptures).map((line) => line.capture.Id)).toEqual([3, 2, 1]);
});

test('names and sizes', () => {
  expect(newFileName(web, new Date(2026, 10, 30, 9, 5, 7))).toBe('web-20261130-090507.pcap');
  expect(newFileName(bridge, new Date(2026, 10, 30, 9, 5, 7))).toBe('node1-mega_bridge-20261130-090507.pcap');
  expect([0, 1_500, 24_000, 2_500_000, 3.2e9].map(formatBytes)).toEqual(['0 B', '1.5 kB', '24 kB', '2.5 MB', '3.2 GB']);
  const lines = [captureLine(capture({ Id: 3 }), 'node1'), captureLine(capture({ Id: 4, Vm: '', Nic: -1 }), 'node2')];
  expect(decodeURIComponent(downloadPath('c1', lines))).toBe(
    '/api/captures.pcapng?cluster=c1&capture=node1:3:node1/web/0&capture=node2:4:node2/mega_bridge',
  );
});
