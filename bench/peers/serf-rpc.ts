// Tells a running serf agent to join another, over its RPC socket, as `serf join` does: without a process per agent, whose
// start would be measured along. Owns the few message-pack types that this takes (msgpack spec: fixmap, fixstr, str8,
// fixarray, booleans, unsigned integers). Message flow, all on one TCP connection:
//   client: {Command:"handshake",Seq:0} {Version:1}                      server: {Seq:0,Error:""}
//   client: {Command:"join",Seq:1} {Existing:[…],Replay:false}           server: {Seq:1,Error:""} {Num:1}
import { connect } from 'node:net';
import { AppError } from '../../contract/errors.ts';

export type Packable = number | boolean | string | readonly Packable[] | { readonly [key: string]: Packable };

/** Encodes a value: integers 0 to 255, strings up to 255 bytes, lists and maps of up to 15 items. */
export function pack(value: Packable): Buffer {
  if (typeof value === 'boolean') return Buffer.from([value ? 0xc3 : 0xc2]);
  if (typeof value === 'number') return Buffer.from(value < 128 ? [value] : [0xcc, value]);
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([Buffer.from(text.length < 32 ? [0xa0 | text.length] : [0xd9, text.length]), text]);
  }
  if (isList(value)) return Buffer.concat([Buffer.from([0x90 | value.length]), ...value.map(pack)]);
  const entries = Object.entries(value);
  return Buffer.concat([
    Buffer.from([0x80 | entries.length]),
    ...entries.flatMap(([key, item]) => [pack(key), pack(item)]),
  ]);
}

const isList = (value: Packable): value is readonly Packable[] => Array.isArray(value);

/** Decodes one value at `offset`; null when it is not complete yet. @throws AppError `invalid` for a type not known here */
export function unpack(bytes: Buffer, offset = 0): { value: unknown; next: number } | null {
  const type = bytes[offset];
  if (type === undefined) return null;
  if (type < 0x80) return { value: type, next: offset + 1 };
  if (type < 0x90) return unpackMap(bytes, offset + 1, type & 0x0f);
  if (type >= 0xa0 && type < 0xc0) return unpackText(bytes, offset + 1, type & 0x1f);
  if (type === 0xc0) return { value: null, next: offset + 1 };
  if (type === 0xc2 || type === 0xc3) return { value: type === 0xc3, next: offset + 1 };
  const length = [0xcc, 0xd9, 0xda, 0xcd].includes(type) ? (type === 0xcd || type === 0xda ? 2 : 1) : 0;
  if (length === 0) throw new AppError('invalid', `message-pack type 0x${type.toString(16)} is not expected from serf`);
  if (bytes.length < offset + 1 + length) return null;
  const number = bytes.readUIntBE(offset + 1, length);
  const isText = type === 0xd9 || type === 0xda;
  return isText ? unpackText(bytes, offset + 1 + length, number) : { value: number, next: offset + 1 + length };
}

function unpackText(bytes: Buffer, offset: number, length: number): { value: string; next: number } | null {
  if (bytes.length < offset + length) return null;
  return { value: bytes.toString('utf8', offset, offset + length), next: offset + length };
}

function unpackMap(bytes: Buffer, offset: number, size: number): { value: unknown; next: number } | null {
  const map: Record<string, unknown> = {};
  let next = offset;
  for (let index = 0; index < size; index++) {
    const key = unpack(bytes, next);
    const item = key && unpack(bytes, key.next);
    if (!item) return null;
    map[String(key.value)] = item.value;
    next = item.next;
  }
  return { value: map, next };
}

/** Connects to an agent's RPC address, ready to say `join` at once. Close it when done. */
export async function openSerfRpc(host: string, port: number): Promise<SerfRpc> {
  const socket = connect({ host, port });
  let received = Buffer.alloc(0);
  let wake: () => void = () => undefined;
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    wake();
  });
  let failure: Error | null = null;
  socket.on('error', (error) => {
    failure = error;
    wake();
  });
  socket.on('close', () => {
    failure ??= new AppError('unreachable', `serf at ${host}:${port} closed its RPC connection`);
    wake();
  });
  const read = async (): Promise<unknown> => {
    for (;;) {
      const decoded = unpack(received);
      if (decoded) {
        received = received.subarray(decoded.next);
        return decoded.value;
      }
      if (failure !== null) throw failure;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  const expectOk = async (what: string) => {
    const answer = await read();
    const error = answer !== null && typeof answer === 'object' && 'Error' in answer ? answer.Error : 'no answer';
    if (error !== '') throw new AppError('failed', `serf at ${host}:${port} refused ${what}: ${String(error)}`);
  };
  socket.write(Buffer.concat([pack({ Command: 'handshake', Seq: 0 }), pack({ Version: 1 })]));
  await expectOk('the handshake');
  return {
    async join(address) {
      socket.write(Buffer.concat([pack({ Command: 'join', Seq: 1 }), pack({ Existing: [address], Replay: false })]));
      await expectOk(`to join ${address}`);
      await read();
    },
    close() {
      socket.destroy();
    },
  };
}

export interface SerfRpc {
  /** Settles when the agent has joined the one at `address` (host:port). */
  join(address: string): Promise<void>;
  close(): void;
}
