// Recorded answers of minimega 3.1.0, read. What Data says and what the columns say is the same: over the mesh Data may be missing.
import { describe, expect, it } from 'vitest';
import { responseEntry } from '../../../contract/command-socket.ts';
import { recordedAnswers, recordedEntries } from '../../../lab/minimega/replay.ts';
import { ResponseEntry } from '../../../contract/command-socket.ts';
import { nanosecondsOf, readHost, readMeshList, readMeshStatus, readVlan, readVms } from './answers.ts';

const all = [...recordedEntries('recorded'), ...recordedEntries('recorded-vms')];
const entryOf = (line: string) => all.find((each) => each.line === line)?.entry;

const infos = [...recordedAnswers('recorded'), ...recordedAnswers('recorded-vms')]
  .filter(({ request }) => request.Command === 'vm info')
  .flatMap(({ responses }) => responses.flatMap((response) => (response['Resp'] as unknown[] | null) ?? []))
  .map((entry) => ResponseEntry.parse(entry))
  .filter(({ Tabular: rows }) => (rows ?? []).length > 0);

describe('what minimega answers', () => {
  it('VMs: the columns say what Data says', () => {
    expect(infos.length).toBeGreaterThan(3);
    for (const entry of infos) {
      const full = readVms(entry);
      const lean = readVms({ ...entry, Data: null });
      expect(full).toHaveLength(entry.Tabular?.length ?? 0);
      for (const [at, vm] of full.entries()) {
        const fields = ['ID', 'Name', 'UUID', 'State', 'VCPUs', 'Memory', 'SerialPorts', 'VNCPort', 'Tags'] as const;
        for (const field of fields) expect(lean[at]?.[field], `${vm.Name} ${field}`).toEqual(vm[field]);
        const nets = (vm.Networks ?? []).map(({ Alias, VLAN, Tap, MAC }) => ({ Alias, VLAN, Tap, MAC }));
        expect((lean[at]?.Networks ?? []).map(({ Alias, VLAN, Tap, MAC }) => ({ Alias, VLAN, Tap, MAC }))).toEqual(
          nets,
        );
      }
    }
  });

  it('hosts: the same, but for the name of the machine, which is that of the answer', () => {
    const entry = entryOf('host');
    if (!entry) throw new Error('recorded');
    const full = readHost(entry);
    expect(full).toMatchObject({ Name: 'node1', CPUs: 2, MemTotal: 24_105 });
    expect(readHost({ ...entry, Data: null })).toEqual({ ...full, Uptime: nanosecondsOf('40m44.55s') });
    expect(readHost(responseEntry('node1', { Response: 'x' }))).toBeNull();
  });

  it('the mesh', () => {
    expect(readMeshStatus(entryOf('mesh status'))).toEqual({ degree: 2, context: 'john', port: '9000' });
    expect([...readMeshList(entryOf('mesh list'))]).toEqual([
      ['node1', ['node2', 'node3']],
      ['node2', ['node1', 'node3']],
      ['node3', ['node1', 'node2']],
    ]);
    expect(readMeshStatus(undefined)).toEqual({ degree: null, context: '', port: '' });
  });

  it('columns of another version are left alone, and missing ones are empty', () => {
    const old = responseEntry('n1', {
      Header: ['id', 'name', 'state', 'flavour'],
      Tabular: [['7', 'old', 'PAUSED', 'vanilla']],
    });
    expect(readVms(old)).toMatchObject([{ ID: 7, Name: 'old', State: 4, Networks: [], Tags: {} }]);
    expect(readVms(responseEntry('n1', { Header: ['name'], Tabular: [['x']] }))).toEqual([]);
    expect(readVms(responseEntry('n1', { Data: [{ Name: 'x' }, 7, null] }))).toEqual([]);
    const odd = responseEntry('n1', { Header: ['degree', 'size', 'mood'], Tabular: [['3', '1', 'good']] });
    expect(readMeshStatus(odd)).toMatchObject({ degree: 3 });
  });

  it('takes a guest that asks for an address for one without', () => {
    const vm = {
      ID: 1,
      Name: 'a',
      State: 2,
      Networks: [
        { IP4: '0.0.0.0', IP6: '::' },
        { IP4: '10.0.0.5', IP6: '' },
      ],
    };
    const nics = [{ IP4: '', IP6: '' }, { IP4: '10.0.0.5' }];
    expect(readVms(responseEntry('n1', { Data: [vm] }))).toMatchObject([{ Networks: nics }]);
  });

  it.each([
    ['lan (101)', { Alias: 'lan', VLAN: 101 }],
    ['exp//lan (101)', { Alias: 'exp//lan', VLAN: 101 }],
    ['250', { Alias: '', VLAN: 250 }],
    ['disconnected', { Alias: '', VLAN: -1 }],
  ])('VLAN %s', (cell, vlan) => {
    expect(readVlan(cell)).toEqual(vlan);
  });

  it.each([
    ['17m7.28s', 1_027_280_000_000],
    ['1h2m3s', 3_723_000_000_000],
    ['1.5ms', 1_500_000],
    ['', 0],
  ])('duration %s', (text, nanoseconds) => {
    expect(nanosecondsOf(text)).toBe(nanoseconds);
  });
});
