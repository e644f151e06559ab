import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arp,
  bytesOf,
  dhcp,
  dnsName,
  echo,
  ethernet,
  ip4,
  ip4Packet,
  macA,
  macB,
  tcp,
  text,
  udp,
} from './made-packets.ts';
import { summarise } from './summary.ts';

const ip4Frame = (protocol: number, payload: readonly number[], tags: readonly number[] = []) =>
  ethernet(0x0800, ip4Packet(protocol, payload), { tags });
const line = (frame: Uint8Array) => {
  const { source, destination, protocol, info } = summarise(frame);
  return `${source} > ${destination} ${protocol}: ${info}`;
};

describe('a packet in a line', () => {
  it('names who asks for an address, and who has it', () => {
    expect(line(ethernet(0x0806, arp(1, '10.0.0.1', '10.0.0.2'), { to: 'ff:ff:ff:ff:ff:ff' }))).toBe(
      `${macA} > broadcast ARP: who has 10.0.0.2? tell 10.0.0.1`,
    );
    expect(line(ethernet(0x0806, arp(2, '10.0.0.1', '10.0.0.2')))).toBe(
      `${macA} > ${macB} ARP: 10.0.0.1 is at ${macA}`,
    );
    expect(line(ethernet(0x0806, arp(1, '10.0.0.1', '10.0.0.1')))).toContain('announces 10.0.0.1');
  });

  it('reads pings, behind no tag, one, and two', () => {
    expect(line(ip4Frame(1, echo(8, 3)))).toBe('10.0.0.1 > 10.0.0.2 ICMP: echo request, id 7, sequence 3');
    expect(summarise(ip4Frame(1, echo(0, 3), [101]))).toMatchObject({
      vlans: [101],
      info: 'echo reply, id 7, sequence 3',
    });
    expect(summarise(ip4Frame(1, echo(0, 3), [100, 4094])).vlans).toEqual([100, 4094]);
  });

  it('reads TCP with its flags, and the first line of HTTP', () => {
    expect(line(ip4Frame(6, tcp(40_000, 22, 0x02)))).toBe(
      '10.0.0.1 > 10.0.0.2 TCP: 40000 → 22 [SYN] seq 1000 win 512 len 0',
    );
    expect(line(ip4Frame(6, tcp(22, 40_000, 0x18, text('SSH-2.0'))))).toBe(
      '10.0.0.1 > 10.0.0.2 SSH: 22 → 40000 [PSH ACK] seq 1000 ack 2000 win 512 len 7',
    );
    expect(line(ip4Frame(6, tcp(40_000, 8080, 0x18, text('GET /a..b HTTP/1.1\r\nHost: x\r\n'))))).toBe(
      '10.0.0.1 > 10.0.0.2 HTTP: GET /a..b HTTP/1.1',
    );
  });

  it('reads what a DHCP server and a guest say', () => {
    expect(line(ip4Frame(17, udp(68, 67, dhcp(3, { wanted: '10.0.0.9', host: 'web' }))))).toBe(
      `10.0.0.1 > 10.0.0.2 DHCP: request 10.0.0.9 from ${macA} (web)`,
    );
    expect(summarise(ip4Frame(17, udp(67, 68, dhcp(5, { given: '10.0.0.9' })))).info).toBe(`ack 10.0.0.9 for ${macA}`);
  });

  it('reads questions and answers of DNS, with names that point back', () => {
    const query = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...dnsName('www.example.org'), 0, 1, 0, 1];
    expect(summarise(ip4Frame(17, udp(5000, 53, query))).info).toBe('query A www.example.org');
    const answer = [0, 1, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0, ...dnsName('www.example.org'), 0, 1, 0, 1];
    const alias = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 6, 3, ...text('web'), 0xc0, 16];
    const address = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, ...ip4('192.0.2.7')];
    expect(summarise(ip4Frame(17, udp(53, 5000, [...answer, ...alias, ...address]))).info).toBe(
      'answer A www.example.org: CNAME web.example.org, 192.0.2.7',
    );
    const missing = [0, 1, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0, ...dnsName('nope'), 0, 28, 0, 1];
    expect(summarise(ip4Frame(17, udp(53, 5000, missing))).info).toBe('answer AAAA nope: no such name');
  });

  it('ends a name that points to itself', () => {
    const circle = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1];
    expect(summarise(ip4Frame(17, udp(5000, 53, circle))).info).toBe('query A …');
  });

  it('reads neighbours of IPv6, behind headers that are not the last', () => {
    const address = (last: string) => bytesOf(`fe80 0000 0000 0000 0000 0000 0000 ${last}`);
    const solicitation = [58, 0, 5, 2, 0, 0, 1, 0, 135, 0, 0, 0, 0, 0, 0, 0, ...address('0002')];
    const header = [0x60, 0, 0, 0, 0, solicitation.length, 0, 255, ...address('0001'), ...address('0002')];
    expect(line(ethernet(0x86dd, [...header, ...solicitation]))).toBe('fe80::1 > fe80::2 ICMPv6: who has fe80::2?');
  });

  it('says what it knows of a frame that is cut, and of one that nobody knows', () => {
    expect(line(ip4Frame(6, tcp(40_000, 22, 0x02)).subarray(0, 40))).toBe('10.0.0.1 > 10.0.0.2 TCP: cut short');
    expect(line(ethernet(0x88b5, [1, 2, 3]))).toBe(`${macA} > ${macB} Ethernet: type 0x88b5, 3 bytes`);
    expect(line(Uint8Array.of(1, 2))).toBe(' >  Ethernet: cut short');
  });

  it('shows no control characters of names', () => {
    const host = 'a\u001b[2J';
    expect(summarise(ip4Frame(17, udp(68, 67, dhcp(1, { host })))).info).toContain('(a.[2J)');
  });

  it('has a bounded line for any bytes, and for any change of a real packet', () => {
    const anyFrame = fc.uint8Array({ maxLength: 400 });
    const query = [0, 1, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0, ...dnsName('www.example.org'), 0, 1, 0, 1, 0xc0, 12];
    const real = [
      ip4Frame(17, udp(53, 5000, query)),
      ip4Frame(17, udp(68, 67, dhcp(3, { wanted: '10.0.0.9', host: 'web' })), [7]),
      ip4Frame(6, tcp(40_000, 22, 0x02)),
      ethernet(0x0806, arp(1, '10.0.0.1', '10.0.0.2')),
    ];
    const changed = fc
      .tuple(fc.constantFrom(...real), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 8 }), fc.nat(400))
      .map(([frame, changes, length]) => {
        const copy = Uint8Array.from(frame);
        for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
        return copy.subarray(0, length);
      });
    fc.assert(
      fc.property(fc.oneof(anyFrame, changed), (frame) => {
        const summary = summarise(frame);
        expect(summary.info.length).toBeLessThanOrEqual(200);
        expect(summary.vlans.length).toBeLessThanOrEqual(4);
        expect(`${summary.source}${summary.destination}${summary.info}`).not.toMatch(/\p{Cc}/u);
      }),
      { numRuns: 3_000 },
    );
  });
});
