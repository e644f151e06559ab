// What sshd does after logins that it refused: OpenSSH 9.8 and newer count them for the address that they came from, and soon drop
// its connections for a while before SSH begins (sshd_config(5), PerSourcePenalties: 5 s for a connection with a refused login, 1 s for
// one without a login, enforced from 15 s on, 10 minutes at most). This remembers which machines refused a login of ours, so
// that a connection which they drop later is not taken for an overload.

/** Penalties add up; with sshd's default settings one wrong password takes about 16 s. */
const memoryMs = 60_000;
const maxMachines = 1_000;
const maxPerMachine = 100;
const penaltySeconds = 5;
const minimumSeconds = 15;

/** The machine, and the one that we come through. */
export function placeOf(target: { readonly host: string; readonly port: number }, via = ''): string {
  return `${target.host} ${target.port} ${via}`;
}

export class RefusedLogins {
  private readonly times = new Map<string, number[]>();

  note(place: string, nowMs: number): void {
    const times = [...this.recent(place, nowMs), nowMs].slice(-maxPerMachine);
    this.times.delete(place);
    this.times.set(place, times);
    const [oldest] = this.times.keys();
    if (this.times.size > maxMachines && oldest !== undefined) this.times.delete(oldest);
  }

  /** How many it refused in the last minute. */
  count(place: string, nowMs: number): number {
    return this.recent(place, nowMs).length;
  }

  private recent(place: string, nowMs: number): number[] {
    return (this.times.get(place) ?? []).filter((atMs) => nowMs - atMs < memoryMs);
  }
}

export const refusedLogins = new RefusedLogins();

/** How long to wait after so many refused logins before sshd is sure to take a connection again. */
export function penaltySecondsOf(refusals: number): number {
  return Math.max(minimumSeconds, penaltySeconds * refusals);
}

/** Whether a server that names itself so (RFC 4253, 4.2) has penalties by default: "SSH-2.0-OpenSSH_9.8p1 Debian-3". */
export function hasPenalties(identification: string): boolean {
  const [, major = '0', minor = '0'] = /^SSH-2\.0-OpenSSH_(\d{1,3})\.(\d{1,3})/.exec(identification) ?? [];
  return Number(major) > 9 || (Number(major) === 9 && Number(minor) >= 8);
}
