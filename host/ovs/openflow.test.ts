// OpenFlow as bytes: what we send is what ovs-ofctl prints of it (recorded from Open vSwitch 3.1), and what comes is bounded.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseLinkLine } from './links.ts';
import { parseSaid } from './neighbours.ts';
import {
  encodeCopyFlows,
  encodeCountFlows,
  encodeListFlows,
  encodeMessage,
  messageTypes,
  OpenFlowReader,
  parseFlowCount,
  parseFlows,
  parsePacketIn,
} from './openflow.ts';
import { readIds, readMap, readNumber, readSet, readText } from './ovsdb-values.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

describe('OpenFlow', () => {
  test('a stream in pieces gives the same messages as in one', () => {
    const stream = Buffer.concat([
      encodeMessage(messageTypes.hello, 1),
      encodeMessage(messageTypes.echoRequest, 2, Buffer.from('abc')),
      encodeCountFlows(3),
    ]);
    const whole = new OpenFlowReader().push(stream);
    expect(whole.map(({ type, xid }) => [type, xid])).toEqual([
      [messageTypes.hello, 1],
      [messageTypes.echoRequest, 2],
      [messageTypes.multipartRequest, 3],
    ]);
    const reader = new OpenFlowReader();
    expect([...stream].flatMap((byte) => reader.push(Buffer.from([byte])))).toEqual(whole);
    expect(() => new OpenFlowReader().push(hex('04 00 0007 00000000'))).toThrow('7 bytes');
  });

  test('flows of a port match frames of it without a tag, copy 128 bytes and then forward as usual', () => {
    const flows = new OpenFlowReader().push(encodeCopyFlows(9, 5));
    expect(flows.map(({ body }) => body.readUInt16BE(22))).toEqual([1, 1, 1]);
    const [arp] = flows;
    expect(arp?.body.toString('hex')).toBe(
      hex(`
        6d6573686465636b 0000000000000000 00 00 0000 0000 0001 ffffffff ffffffff ffffffff 0000 0000
        0001 0018 80000004 00000005 80000a02 0806 80000c02 0000
        0004 0028 00000000 0000 0010 fffffffd 0080 000000000000 0000 0010 fffffffa 0080 000000000000
      `).toString('hex'),
    );
  });

  test('a frame that came in has its port, and one cut short has none', () => {
    const body = hex(`
      ffffffff 002a 00 00 6d6573686465636b 0001 000c 80000004 00000007 00000000 0000
      ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 0a090001 000000000000 0a090002
    `);
    const packet = parsePacketIn({ type: messageTypes.packetIn, xid: 0, body });
    expect(packet).toMatchObject({ inPort: 7, cookie: 0x6d6573686465636bn });
    expect(packet && parseSaid(packet.frame)).toEqual({ mac: '02:00:00:00:00:01', ip: '10.9.0.1' });
    for (let length = 0; length < 34; length += 1) {
      expect(parsePacketIn({ type: messageTypes.packetIn, xid: 0, body: body.subarray(0, length) })).toBeNull();
    }
    expect(parseFlowCount({ type: messageTypes.multipartReply, xid: 0, body: Buffer.alloc(8) })).toBeNull();
  });
});

describe('flows of a bridge', () => {
  const entry = (rest: string, { table = '00', priority = '0000', match = '0001 0004 00000000' } = {}) => {
    const fixed = `${table} 00 00000000 00000000 ${priority} 0000 0000 0000 00000000 6d6573686465636b 0000000000000005 000000000000012c`;
    const body = hex(`${fixed} ${match} ${rest}`);
    return Buffer.concat([hex((body.length + 2).toString(16).padStart(4, '0')), body]);
  };
  const normal = '0004 0018 00000000 0000 0010 fffffffa 0000 000000000000';
  const toPort = '0004 0018 00000000 0000 0010 00000007 0000 000000000000';
  const ofPort = '0001 000c 80000004 00000007 00000000';
  const ofArp = '0001 000a 80000a02 0806 000000000000';
  const reply = (flags: string, ...entries: Buffer[]) => ({
    ...{ type: messageTypes.multipartReply, xid: 1 },
    body: Buffer.concat([hex(`0001 ${flags} 00000000`), ...entries]),
  });
  const read = (...entries: Buffer[]) =>
    parseFlows(reply('0000', ...entries))?.flows.map(({ inPort, isForAll, does }) => [inPort, isForAll, does]);

  test('each says which frames it takes, what becomes of them, and how many there were', () => {
    expect(parseFlows(reply('0001', entry(normal, { table: '02', priority: '0009', match: ofPort })))).toEqual({
      flows: [
        {
          ...{ table: 2, priority: 9, cookie: 0x6d6573686465636bn, packets: 5, bytes: 300 },
          ...{ inPort: 7, isForAll: true, does: 'normal' },
        },
      ],
      hasMore: true,
    });
    expect(read(entry(normal), entry(toPort, { match: ofArp }), entry(''), entry('0001 0008 05000000'))).toEqual([
      ...[
        [null, true, 'normal'],
        [null, false, 'other'],
        [null, true, 'drop'],
        [null, true, 'other'],
      ],
    ]);
    expect(parseFlows(reply('0000'))).toEqual({ flows: [], hasMore: false });
  });

  test('the question is for all flows of all tables', () => {
    expect(encodeListFlows(1).toString('hex')).toBe(
      hex(`04 12 0038 00000001 0001 0000 00000000 ff 000000 ffffffff ffffffff 00000000
        0000000000000000 0000000000000000 0001 0004 00000000`).toString('hex'),
    );
  });

  test('whatever comes is read or refused, and never more than it has', () => {
    const whole = reply('0000', entry(normal, { match: ofPort }), entry(toPort, { match: ofArp })).body;
    for (let length = 0; length < whole.length; length += 1)
      expect(() => parseFlows({ ...reply('0000'), body: whole.subarray(0, length) })).not.toThrow();
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, bytes) => {
        const body = Buffer.from(whole);
        Buffer.from(bytes).copy(body, at);
        const flows = parseFlows({ ...reply('0000'), body })?.flows ?? [];
        expect(flows.length).toBeLessThanOrEqual(2);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        parseFlows({ ...reply('0000'), body: Buffer.concat([hex('0001 0000 00000000'), bytes]) });
      }),
    );
  });
});

describe('what a guest says about its address', () => {
  const ethernet = 'ffffffffffff 020000000001';
  const arp = (sender: string) => `0001 0800 06 04 0002 020000000001 ${sender} 000000000000 0a090002`;
  const nd = (type: number, source: string, target: string) =>
    `86dd 60000000 0020 3a ff ${source} ff0200000000000000000001ff000001 ${type.toString(16)} 00 0000 00000000 ${target}`;
  const said = (text: string) => parseSaid(hex(`${ethernet} ${text}`));
  const unset = '0'.repeat(32);
  const global = 'fd000000000000000000000000000005';

  test.each([
    ['an ARP reply', `0806 ${arp('0a090001')}`, '10.9.0.1'],
    ['one that the guest tagged', `8100 0064 0806 ${arp('0a090001')}`, null],
    ['one with two tags', `88a8 0064 8100 0005 0806 ${arp('0a090001')}`, null],
    ['an ARP probe', `0806 ${arp('00000000')}`, null],
    ['a solicitation of the guest', nd(135, global, `fe80${'0'.repeat(27)}1`), 'fd00::5'],
    ['a probe for its own address', nd(135, unset, global), 'fd00::5'],
    ['an advertisement', nd(136, `fe80${'0'.repeat(27)}1`, global), 'fd00::5'],
    ['an echo request', nd(128, global, global), null],
    ['IPv4', `0800 4500${'00'.repeat(60)}`, null],
    ['nothing', '', null],
  ])('%s', (_name, text, ip) => {
    expect(said(text)?.ip ?? null).toBe(ip);
  });

  test('no beginning of a frame is more than it says', () => {
    const frame = hex(`${ethernet} ${nd(136, global, global)}`);
    for (let length = 0; length < frame.length; length += 1) expect(parseSaid(frame.subarray(0, length))).toBeNull();
    expect(parseSaid(frame)).toEqual({ mac: '02:00:00:00:00:01', ip: 'fd00::5' });
  });
});

test('lines of `ip -d -o monitor link` (iproute2 6.1)', () => {
  const line =
    '4: mega_tap0: <NO-CARRIER,BROADCAST,MULTICAST,NOARP,UP> mtu 1500 qdisc pfifo_fast state DOWN group default qlen 1000\\    ' +
    'link/ether aa:33:6b:86:7d:a6 brd ff:ff:ff:ff:ff:ff promiscuity 0 \\    tun type tap pi off \\    alias meshdeck/abc/vm1';
  const link = { name: 'mega_tap0', index: 4, isUp: true, hasCarrier: false, alias: 'meshdeck/abc/vm1' };
  expect(parseLinkLine(line)).toEqual({ link, isGone: false });
  expect(parseLinkLine(`Deleted ${line}`)).toEqual({ link, isGone: true });
  expect(parseLinkLine('7: veth1@if6: <BROADCAST,UP,LOWER_UP> mtu 1500')?.link).toMatchObject({
    name: 'veth1',
    hasCarrier: true,
    alias: '',
  });
  for (const other of ['', 'Dump was interrupted', '    link/ether aa:33', 'x: y: <UP>'])
    expect(parseLinkLine(other)).toBeNull();
});

test('values of the database, and what is not a value', () => {
  expect(readSet(['set', [1, 'a', ['uuid', 'x']]])).toEqual([1, 'a', 'x']);
  expect(readSet(5)).toEqual([5]);
  expect(readText(['set', []])).toBe('');
  expect(readNumber(['set', []])).toBeNull();
  expect(readIds(['uuid', 'x'])).toEqual(['x']);
  expect([...readMap(['map', [['a', 'b'], ['c'], 7, ['d', ['set', []]]]])]).toEqual([['a', 'b']]);
  for (const bad of [null, undefined, {}, [], ['set'], ['set', 5], ['uuid'], ['map', 5]]) {
    expect(readSet(bad)).toEqual([]);
    expect(readMap(bad).size).toBe(0);
  }
});
