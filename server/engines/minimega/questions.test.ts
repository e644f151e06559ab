import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { responseEntry, type ResponseEntry } from '../../../contract/command-socket.ts';
import { emptyPicture, rowsOfPicture } from './cluster-picture.ts';
import { askMesh, askNear, askVms } from './questions.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** node1 of a mesh with node2, which had a VM and no longer answers for it. */
function afterSilence(list: string) {
  const picture = emptyPicture('m', 'node1', new Set());
  picture.neighbours = new Map([
    ['node1', ['node2']],
    ['node2', ['node1']],
  ]);
  const vm = { Name: 'web1', UUID: 'u', ID: 0, State: 2, VCPUs: 1, Memory: 64, Tags: {}, Networks: [] };
  let isSilent = false;
  const answers = (line: string): ResponseEntry[] => {
    if (line === 'namespace') return [responseEntry('node1', { Header: ['namespace'], Tabular: [['lab']] })];
    if (line === 'mesh list') return [responseEntry('node1', { Response: list })];
    const near = responseEntry('node1', { Data: [] });
    return isSilent ? [near] : [near, responseEntry('node2', { Data: [vm] })];
  };
  const ask = (line: string) => Promise.resolve(answers(line));
  return {
    picture,
    round: () => askVms({ ask }, picture),
    silence: () => {
      isSilent = true;
    },
  };
}

test.each([
  ['left the mesh meanwhile: its VMs stay, as LOST', 'node1\n', ['LOST']],
  ['stays a member: it has left the namespace, and its VMs go', 'node1\n |--node2\nnode2\n |--node1\n', []],
])('a host that is silent for long and %s', async (_what, list, states) => {
  const { picture, round, silence } = afterSilence(list);
  await round();
  silence();
  await round();
  vi.advanceTimersByTime(300_000);
  // The mesh was not asked since: a node that hung held that up.
  await round();
  if (list === 'node1\n') picture.neighbours = new Map([['node1', []]]);
  expect(rowsOfPicture(picture)['vms']?.map((vm) => vm['State'])).toEqual(states);
});

/** Tables and data of a version that has columns and fields nobody here knows, in front of those that are known. */
const strange: Readonly<Record<string, Partial<ResponseEntry>>> = {
  'mesh timeout': { Response: '60s' },
  'mesh status': {
    Header: ['flavour', 'size', 'degree', 'peers', 'context', 'port'],
    Tabular: [['?', '1', '2', '0', 'john', '9000']],
  },
  'mesh list': { Response: 'node1\n' },
  namespace: { Header: ['flavour', 'namespace', 'vlans', 'active'], Tabular: [['?', 'lab', '101-4096', 'true']] },
  'namespace lab vlans': { Header: ['flavour', 'alias', 'vlan'], Tabular: [['?', 'lan', '101']] },
  'namespace lab vm info': {
    Header: ['flavour', 'id', 'name'],
    Tabular: [['?', '0', 'web1']],
    Data: [{ Flavour: 7, Name: 'web1', UUID: 'u', ID: 0, State: 2, VCPUs: 1, Memory: 64, Tags: {}, Networks: [] }],
  },
};

test('columns and fields that nobody knows are ignored', async () => {
  const picture = emptyPicture('m', 'node1', new Set());
  const ask = (line: string) => Promise.resolve([responseEntry('node1', strange[line] ?? {})]);
  await askMesh({ ask }, picture);
  await askNear({ ask }, picture);
  expect(await askVms({ ask }, picture)).toEqual([]);
  const rows = rowsOfPicture(picture);
  expect(rows['vms']).toMatchObject([{ Name: 'web1', Namespace: 'lab', State: 'RUNNING', Memory: 64 }]);
  expect(rows['vlans']).toMatchObject([{ Alias: 'lan', Vlan: 101 }]);
  expect(picture.degrees.get('node1')).toBe(2);
});
