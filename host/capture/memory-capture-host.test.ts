import { MemoryMachine } from '../ovs/memory-host.ts';
import { noChange } from '../ovs/switch-host.ts';
import { describeCaptures } from './capture-compliance.ts';
import { createMemoryCaptureHost } from './memory-capture-host.ts';

describeCaptures('in memory', async () => {
  const machine = new MemoryMachine();
  const switchHost = machine.host();
  const tap = (name: string) => ({ name, user: 0, mtu: 1500, alias: '' });
  const port = (name: string, tag: number) => ({
    ...{ name, bridge: 'mega_bridge', marks: {} },
    vlan: { kind: 'access', tag } as const,
  });
  await switchHost.apply(
    {
      ...noChange,
      makeTaps: [tap('tap-a'), tap('tap-b')],
      makeBridges: [{ name: 'mega_bridge', datapath: 'netdev', marks: {} }],
      setPorts: [port('tap-a', 101), port('tap-b', 102)],
    },
    0,
  );
  const host = createMemoryCaptureHost(switchHost, { doGuestsTalk: false, wallNow: () => 1_700_000_000_000 });
  return {
    host,
    say: (name, frame) => host.say(name, frame),
    async removeTap(name) {
      await switchHost.apply({ ...noChange, dropPorts: [name], dropTaps: [name] }, 0);
      host.lose({ kind: 'tap', tap: name });
    },
    leftovers: () => Promise.resolve([]),
    end: () => Promise.resolve(),
  };
});
