import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Strangers } from './strangers.ts';

class FakeSocket extends EventEmitter {
  isOpen = true;
  readonly remoteAddress: string;
  readonly remotePort: number;
  constructor(remoteAddress: string, remotePort: number) {
    super();
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }
  destroy() {
    this.isOpen = false;
    this.emit('close');
  }
}

function fill(strangers: Strangers, address: string, count: number, firstPort = 0): FakeSocket[] {
  const sockets = Array.from({ length: count }, (_, index) => new FakeSocket(address, firstPort + index));
  for (const socket of sockets) strangers.add(socket as unknown as Socket);
  return sockets;
}
const openOf = (sockets: FakeSocket[]) => sockets.flatMap(({ isOpen, remotePort }) => (isOpen ? [remotePort] : []));

describe('connections that have shown no session', () => {
  const make = () => new Strangers({ total: 10, perAddress: 4, isExempt: (address) => address === 'proxy' });

  it('close the oldest connection from the same address at its bound', () => {
    const strangers = make();
    expect(openOf(fill(strangers, 'a', 6))).toEqual([2, 3, 4, 5]);
    expect(openOf(fill(strangers, 'b', 1))).toEqual([0]);
  });

  it('close the oldest of the address with the most at the bound of all', () => {
    const strangers = make();
    const [many, few] = [fill(strangers, 'a', 4), fill(strangers, 'b', 2)];
    const more = ['c', 'd', 'e', 'f', 'g', 'h'].flatMap((address) => fill(strangers, address, 1));
    expect([openOf(many), openOf(few), openOf(more).length]).toEqual([[2, 3], [0, 1], 6]);
    expect(strangers.size).toBe(10);
  });

  it('are strangers no longer once one of their requests has a session', () => {
    const strangers = make();
    const sockets = fill(strangers, 'a', 4);
    strangers.know({ remoteAddress: 'a', remotePort: 0 });
    fill(strangers, 'a', 4, 4);
    expect(openOf(sockets)).toEqual([0]);
  });

  it('are not counted by address behind a trusted proxy', () => {
    const strangers = make();
    expect(openOf(fill(strangers, 'proxy', 50))).toHaveLength(50);
  });
});
