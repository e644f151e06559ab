// An SSH server on 127.0.0.1 that plays what sshd and PAM of this machine cannot: questions for codes, second factors, penalties.
// It lets logins in and runs nothing. For tests.
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import ssh2 from 'ssh2';
import type { AuthContext, AuthenticationType } from 'ssh2';
import { createSshKeyPair } from './keys.ts';
import { parseKnownHosts } from './known-hosts.ts';

export const rightPassword = 'the right one';

export interface SshdPlay {
  readonly methods: AuthenticationType[];
  /** Questions of keyboard-interactive, one round after the other, and the answers that are right. */
  readonly questions?: readonly { readonly prompt: string; readonly echo?: boolean; readonly answer: string }[][];
  readonly password?: string;
  /** It takes no key. */
  readonly refusesKeys?: boolean;
  /** The methods of which it wants one after the first that succeeds. */
  readonly then?: AuthenticationType[];
  readonly ident?: string;
  /** It drops so many connections after the first, as OpenSSH 9.8 and newer do after refused logins. */
  readonly dropsAfterFirst?: number;
  readonly endsLogins?: boolean;
}

const hostKey = createSshKeyPair('host');
export const playedHostKeys = parseKnownHosts(`127.0.0.1 ${hostKey.publicKey}`);
const pinned = playedHostKeys.map((key) => ({ ...key, hosts: ['127.0.0.1'], revoked: false, file: 'a test' }));
export const playedPins = { entriesFor: () => Promise.resolve(pinned) };

export class PlayedSshd {
  /** What it was given as answers to questions, and as passwords. */
  readonly answers: string[] = [];
  readonly passwords: string[] = [];
  /** Methods that were tried, but for `none`. */
  readonly tried: string[] = [];
  connections = 0;
  private readonly play: SshdPlay;
  private readonly sockets = new Set<Socket>();
  private readonly server: ssh2.Server;
  private readonly listener = createServer((socket) => this.accept(socket));

  private constructor(play: SshdPlay) {
    this.play = play;
    const ident = play.ident ?? 'OpenSSH_9.2p1';
    this.server = new ssh2.Server({ hostKeys: [hostKey.privateKey], ident }, (client) => {
      let { methods } = play;
      let hasPassed = false;
      client.on('error', () => undefined);
      client.on('authentication', (context) => {
        if (play.endsLogins) client.end();
        else if (context.method === 'none') context.reject(methods);
        else {
          this.tried.push(context.method);
          if (!methods.includes(context.method)) context.reject(methods);
          else {
            this.judge(context, methods, () => {
              if (play.then === undefined || hasPassed) context.accept();
              else {
                hasPassed = true;
                methods = play.then;
                context.reject(methods, true);
              }
            });
          }
        }
      });
    });
  }

  static async start(play: SshdPlay): Promise<PlayedSshd> {
    const played = new PlayedSshd(play);
    played.listener.listen(0, '127.0.0.1');
    await once(played.listener, 'listening');
    return played;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  stop(): void {
    this.listener.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private accept(socket: Socket): void {
    this.connections += 1;
    this.sockets.add(socket.on('error', () => undefined));
    const { dropsAfterFirst = 0 } = this.play;
    if (this.connections > 1 && this.connections <= 1 + dropsAfterFirst) socket.end('Not allowed at this time\r\n');
    else this.server.injectSocket(socket);
  }

  private judge(context: AuthContext, methods: AuthenticationType[], pass: () => void): void {
    const refuse = () => context.reject(methods);
    if (context.method === 'password') {
      this.passwords.push(context.password);
      if (context.password === (this.play.password ?? rightPassword)) pass();
      else refuse();
    } else if (context.method === 'keyboard-interactive') {
      const ask = (at: number) => {
        const round = this.play.questions?.[at];
        if (!round) {
          pass();
          return;
        }
        const prompts = round.map(({ prompt, echo = false }) => ({ prompt, echo }));
        context.prompt(prompts, (given) => {
          this.answers.push(...given);
          if (round.every(({ answer }, index) => answer === given[index])) ask(at + 1);
          else refuse();
        });
      };
      ask(0);
    } else if (this.play.refusesKeys) refuse();
    else pass();
  }
}
