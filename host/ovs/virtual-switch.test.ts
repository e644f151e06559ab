// The virtual switch on a machine in memory.
import { MemoryMachine } from './memory-host.ts';
import { parseSaid } from './neighbours.ts';
import { describeVlan } from './switch-host.ts';
import { describeSwitch } from './switch-compliance.ts';

describeSwitch('in memory', () => {
  const memory = new MemoryMachine();
  const done = () => Promise.resolve();
  return Promise.resolve({
    host: () => memory.host(),
    describe: () => {
      const { ports, links } = memory.host().view();
      const lines = [
        ...[...ports.values()].map(
          ({ bridge, name, vlan }) => `${bridge} ${name} ${vlan ? describeVlan(vlan) : 'other'}`,
        ),
        ...[...links.values()]
          .filter(({ alias }) => alias !== '')
          .map(({ name, isUp }) => `tap ${name} ${isUp ? 'up' : 'down'}`),
      ];
      return Promise.resolve(lines.sort());
    },
    addBridge: (name) => done().then(() => memory.addForeignBridge(name)),
    addPort: (bridge, name) => done().then(() => memory.addForeignPort(bridge, name, { kind: 'access', tag: 7 })),
    deletePort: (name) => done().then(() => memory.deletePort(name)),
    deleteMirrors: () => done().then(() => memory.deleteMirrors()),
    deleteBridge: (name) => done().then(() => memory.deleteBridge(name)),
    setTag: (name, tag) => done().then(() => memory.setVlan(name, { kind: 'access', tag })),
    deleteTap: (name) => done().then(() => memory.deleteTap(name)),
    lowerTap: (name) => done().then(() => memory.changeLink(name, { isUp: false })),
    addAddress: (name, address) => done().then(() => memory.setAddress(name, address)),
    hold: (name) => {
      memory.changeLink(name, { hasCarrier: true });
      return Promise.resolve({
        send: (frame: Buffer) => {
          const said = parseSaid(frame);
          if (said) memory.say(name, said.mac, said.ip);
        },
        letGo: () => done().then(() => memory.changeLink(name, { hasCarrier: false })),
      });
    },
    stop: (part) => done().then(() => memory.setRunning(part, false)),
    start: (part) => done().then(() => memory.setRunning(part, true)),
    wipe: () => done().then(() => memory.wipe()),
    end: done,
  });
});
