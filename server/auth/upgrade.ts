// Who may turn a request into a socket: a page of the console with its session, or a program with a token. The same for the hub
// and for streams; each adds its own bounds.
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../../contract/errors.ts';
import type { HttpError } from '../../contract/http.ts';
import type { Caller } from '../ports.ts';
import type { Auth, Credential } from './auth.ts';

/** Who may have a socket, or why not. */
export type UpgradeVerdict = { readonly credential: Credential; readonly caller: Caller } | UpgradeRefusal;
export interface UpgradeRefusal {
  readonly status: number;
  readonly error: HttpError;
}

/** A cookie counts only together with the console's own Origin; a token needs none (browsers do not add it on their own). */
export async function judgeUpgrade(
  request: IncomingMessage,
  components: {
    readonly auth: Pick<Auth, 'credentialOfCookie' | 'credentialOfToken' | 'callerOf'>;
    readonly foreignOrigin: (request: IncomingMessage) => string | null;
  },
): Promise<UpgradeVerdict> {
  const { auth, foreignOrigin } = components;
  const token = /^Bearer (\S{1,200})$/i.exec(request.headers.authorization ?? '')?.[1];
  const foreign = token === undefined || request.headers.origin !== undefined ? foreignOrigin(request) : null;
  if (foreign !== null) return refuseUpgrade(403, 'refused', foreign);
  const credential = await (token === undefined
    ? auth.credentialOfCookie(request.headers.cookie)
    : auth.credentialOfToken(token));
  const caller = credential && (await auth.callerOf(credential));
  if (credential && caller) return { credential, caller };
  return refuseUpgrade(401, 'refused', token === undefined ? 'Log in first.' : 'This token is not valid.');
}

export function refuseUpgrade(status: number, code: ErrorCode, message: string): UpgradeRefusal {
  return { status, error: { code, message } };
}

/** Answers an upgrade that is refused, and closes. */
export function answerUpgrade(socket: Duplex, status: number, error: HttpError): void {
  const body = JSON.stringify(error);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'connection: close',
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  // One that does not read the few bytes is closed too.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
