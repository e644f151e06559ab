// How one node looks at another from outside, without any credential: a TCP connection and SSH's key exchange, which proves
// that the pinned host key's owner answers there. The login that follows is refused, and that refusal is the proof.

/**
 * ssh(1) ends with 255 whatever the reason, so its words decide: those of sshconnect.c and sshconnect2.c, the same since
 * OpenSSH 2 and never translated.
 *
 * Arguments: address, port, user, seconds. The lines of known_hosts come on standard input. Prints `seen`, `changed` (another
 * key answered) or `silent`, and on a second line what ssh said.
 */
export const peerLookScript = `
address=$1 port=$2 user=$3 seconds=$4
file=$(mktemp) || exit 1
trap 'rm -f "$file"' EXIT
trap 'exit 1' HUP INT PIPE TERM
cat >"$file"
said=$(LC_ALL=C timeout "$((seconds + 1))" ssh -n -T -F /dev/null -p "$port" -l "$user" \\
  -o BatchMode=yes -o PreferredAuthentications=none -o ConnectTimeout="$seconds" -o ConnectionAttempts=1 \\
  -o StrictHostKeyChecking=yes -o UserKnownHostsFile="$file" -o GlobalKnownHostsFile=/dev/null \\
  -o UpdateHostKeys=no -o ControlPath=none "$address" true 2>&1)
code=$?
case $said in
*'Permission denied'*) echo seen ;;
*'HOST IDENTIFICATION HAS CHANGED'* | *'Host key verification failed'*) echo changed ;;
*) if [ "$code" = 0 ]; then echo seen; else echo silent; fi ;;
esac
printf '%s\\n' "$said" | tail -n 1
`;

export interface PeerLook {
  readonly isSeen: boolean;
  /** Another host key answered there. */
  readonly isStranger: boolean;
  /** Why not; empty when it was seen. */
  readonly error: string;
}

export function parsePeerLook(text: string): PeerLook {
  const [verdict = '', said = ''] = text.split('\n');
  if (verdict === 'seen') return { isSeen: true, isStranger: false, error: '' };
  if (verdict === 'changed') return { isSeen: false, isStranger: true, error: 'another host key answers there' };
  return { isSeen: false, isStranger: false, error: said.trim().slice(0, 300) || 'no answer' };
}
