// The ways to log in over one connection: which sshd gets to see, in which order, and what became of them. The password goes to
// the password method, and to the one question of keyboard-interactive that asks for it; never twice where it was refused,
// and never to a question for something else. SSH has no code for what a question asks, so its text decides.
import type { AnyAuthMethod, AuthenticationType, NextAuthHandler, Prompt } from 'ssh2';
import { safeText } from '../../core/safe-text.ts';
import type { SshCredentials } from './credentials.ts';

/** How far a login came. */
export interface LoginTale {
  /** Everything there was to try, for people. */
  readonly tried: readonly string[];
  /** The ways that sshd accepted without letting us in; it then wants one of `wants` too. */
  readonly accepted: readonly string[];
  readonly wants: readonly string[];
  /** A question that we do not answer; empty without one. */
  readonly asks: string;
  readonly isPasswordRefused: boolean;
  /** sshd takes passwords by the password method, which was not tried because of the question. */
  readonly hasPasswordLeft: boolean;
}

export interface LoginWays {
  /** For ssh2: the next way to try. */
  readonly next: (left: AuthenticationType[] | null, isPartial: boolean | null, done: NextAuthHandler) => void;
  readonly tale: () => LoginTale;
  /** sshd wants a new password before it lets us in. */
  readonly noteQuestion: (text: string) => void;
}

interface Way {
  readonly method: AnyAuthMethod;
  readonly label: string;
  readonly isPassword: boolean;
}

const maxQuestionLength = 120;

/**
 * All ways that the credentials give. `none` comes first: it is how an account without a password lets us in, it costs
 * nothing, and sshd answers with the methods it takes. The others are not tried: each counts there (MaxAuthTries).
 * `onQuestion` is called when sshd asks something that we do not answer, or asks for the password again.
 */
export function prepareLogin(
  username: string,
  credentials: SshCredentials,
  options: { readonly answersQuestions: boolean; readonly onQuestion: () => void },
): LoginWays {
  let asks = '';
  let isAnswered = false;
  let isPasswordRefused = false;
  const accepted: string[] = [];
  let wants: readonly string[] = [];

  const ways: Way[] = [{ method: { type: 'none', username }, label: '', isPassword: false }];
  for (const { path, privateKey, passphrase } of credentials.keys) {
    const secret = passphrase === undefined ? {} : { passphrase };
    const method = { type: 'publickey' as const, username, key: privateKey, ...secret };
    ways.push({ method, label: path, isPassword: false });
  }
  if (credentials.agentSocket !== undefined) {
    const method = { type: 'agent' as const, username, agent: credentials.agentSocket };
    ways.push({ method, label: 'the SSH agent', isPassword: false });
  }
  const { password } = credentials;
  if (password !== undefined) {
    const answer = (prompts: readonly Prompt[], finish: (answers: string[]) => void) => {
      const [first] = prompts;
      if (prompts.length === 1 && first && isPasswordPrompt(first) && !isAnswered) {
        isAnswered = true;
        finish([password]);
        return;
      }
      // Asked for again, it was wrong. Anything else is a question that nobody here can answer.
      const other = prompts.find((prompt) => !isPasswordPrompt(prompt)) ?? (isAnswered ? undefined : first);
      asks = other ? questionText(other.prompt) : '';
      options.onQuestion();
    };
    const questions = {
      type: 'keyboard-interactive' as const,
      username,
      prompt: (
        _name: string,
        _instructions: string,
        _language: string,
        prompts: Prompt[],
        finish: (answers: string[]) => void,
      ) => answer(prompts, finish),
    };
    // The questions come first, as in OpenSSH's own client: by the password method, sshd itself gives the password to every
    // hidden question of PAM, also to the one for a code.
    if (options.answersQuestions) ways.push({ method: questions, label: 'the password', isPassword: true });
    ways.push({ method: { type: 'password', username, password }, label: 'the password', isPassword: true });
  }
  const tried = [...new Set(ways.map(({ label }) => label).filter((label) => label !== ''))];

  const used = new Set<Way>();
  let last: Way | undefined;
  let allowed: readonly AuthenticationType[] | null = null;
  return {
    tale: () => ({
      tried: [...tried, ...credentials.unusable.map((text) => `unusable ${text}`)],
      accepted,
      wants,
      asks,
      isPasswordRefused,
      hasPasswordLeft:
        !isAnswered &&
        (allowed ?? []).includes('password') &&
        ways.some((way) => way.method.type === 'password' && !used.has(way)),
    }),
    noteQuestion: (text) => {
      asks = questionText(text);
    },
    next: (left, isPartial, done) => {
      // After the keys of an agent, ssh2 1.17 repeats what it heard before them.
      if (last && last.method.type !== 'agent') {
        if (left !== null) allowed = left;
        if (isPartial === true) {
          accepted.push(last.label);
          wants = left ?? [];
          isAnswered = false;
        } else if (last.method.type === 'password' || (last.isPassword && isAnswered)) isPasswordRefused = true;
      }
      const isTaken = ({ type }: AnyAuthMethod) =>
        allowed === null || allowed.includes(type === 'agent' ? 'publickey' : type);
      last = ways.find((way) => !used.has(way) && isTaken(way.method) && !(way.isPassword && isPasswordRefused));
      if (last) used.add(last);
      // ssh2 takes false for "no way is left"; its types do not say so.
      done(last?.method ?? (false as unknown as AnyAuthMethod));
    },
  };
}

/**
 * Whether a question is for the password that the account has now, and shown to nobody. The text is PAM's: "Password: " of
 * pam_unix, "Password for ann@node1:" of FreeBSD and Kerberos, "LDAP Password: ". sshd takes only LC_CTYPE from its locale, so
 * PAM's messages there are never translated. pam_oath asks for a "One-time password", pam_google_authenticator for a
 * "Password & verification code", pam_unix for a "New password" and the "Current password" when it has to be changed.
 */
export function isPasswordPrompt({ prompt, echo }: Prompt): boolean {
  if (echo === true) return false;
  return (
    /^[^\n]{0,80}\bpassword\b( for [^\n]{1,80})?\s*:?\s*$/i.test(prompt) &&
    !/one[- ]?time|\b(otp|token|code|pin|new|retype|repeat|again|current|old|next)\b|verif|passcode|&|\+/i.test(prompt)
  );
}

/** A question of a stranger, for messages: one line, nothing that a terminal obeys, bounded. */
function questionText(prompt: string): string {
  return safeText(prompt.slice(0, 4 * maxQuestionLength))
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, maxQuestionLength);
}
