// The network interfaces of this machine, kept by one lasting `ip monitor link`, and taps made and removed by one `ip -batch` for
// all of them. Owns no decision about them.
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import { startChild, type Child } from '../child.ts';
import { CommandError, localRunner } from '../runner.ts';
import { aliasStart, type HostLink, type NewTap } from './switch-host.ts';

const listMs = 20_000;
/** `ip monitor` subscribes at a moment that it does not report: what happened before is found by a second list. */
const secondListMs = 500;
const restartMs = 1_000;
const batchMs = (lines: number) => 20_000 + 20 * lines;
/** How long the monitor may be behind a batch that is done. */
const seenMs = 5_000;
/** A list of 10,000 interfaces is 9 MB. */
const maxListBytes = 32 * 1024 * 1024;

/** The group of our taps (ip-link(8)): "mesh" as a number, so that nobody else has it. */
const tapGroup = 0x6d65_7368;
/**
 * The group of those that are about to go ("gone"). The kernel waits for all its processors after each removal, but only once
 * for a group: 100 taps in a tenth of the time and less.
 */
const goneGroup = 0x676f_6e65;
/** Replaced whole, so that it says this and nothing else. */
const shutTaps = `
table inet meshdeck_taps
delete table inet meshdeck_taps
table inet meshdeck_taps {
 chain taps {
  type filter hook prerouting priority -500; policy accept;
  meta iifgroup ${tapGroup} drop
  meta iifgroup ${goneGroup} drop
 }
}
`;

const LinkList = z.array(
  z.object({
    ifindex: z.number(),
    ifname: z.string(),
    flags: z.array(z.string()),
    ifalias: z.string().optional(),
  }),
);

/** `argv` of another network namespace, in front of each program; empty for this one. */
export interface LinksOptions {
  readonly within: readonly string[];
  readonly onChange: () => void;
  readonly log: (level: 'warn', text: string) => void;
}

export class Links {
  private readonly options: LinksOptions;
  private readonly links = new Map<string, HostLink>();
  private readonly names = new Map<number, string>();
  private readonly waiting = new Set<() => void>();
  /** For each list under way, what was reported meanwhile. */
  private readonly listings = new Set<Map<number, LinkLine>>();
  private child: Child | null = null;
  private timer: NodeJS.Timeout | null = null;
  private isStopped = false;
  private hasWarned = false;
  private isTelling = false;

  constructor(options: LinksOptions) {
    this.options = options;
  }

  /** As it is at each moment, not a copy. */
  get all(): ReadonlyMap<string, HostLink> {
    return this.links;
  }

  /** Settles with the first list. @throws AppError when `ip` does not run */
  async start(): Promise<void> {
    await this.watch();
  }

  stop(): void {
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer);
    void this.child?.stop();
  }

  /** All of them or none; `seeTaps` says when `all` has them. @throws AppError `failed` that names the first one that could not be made */
  async make(taps: readonly NewTap[]): Promise<void> {
    if (taps.length === 0) return;
    await this.shutToKernel();
    const lines = taps.flatMap(({ name, user, mtu, alias }) => [
      `tuntap add dev ${name} mode tap user ${user}`,
      // The machine itself takes no part in a VM's network: it answers no ARP there, and has no IPv6 address.
      `link set dev ${name} group ${tapGroup} mtu ${mtu} arp off addrgenmode none alias ${alias} up`,
    ]);
    const before = new Set(this.links.keys());
    try {
      await this.batch(lines);
    } catch (error) {
      const names = taps.map(({ name }) => name);
      // "Command failed -:3": the number of the line. What comes after it was not tried, and may be somebody else's.
      const line = error instanceof CommandError ? Number(/Command failed -:(\d+)/.exec(error.stderr)?.[1]) : NaN;
      const made = names.slice(0, Number.isNaN(line) ? names.length : line >> 1).filter((name) => !before.has(name));
      await this.batch(
        made.map((name) => `link del dev ${name}`),
        true,
      ).catch(() => undefined);
      const name = names[(line - 1) >> 1] ?? names[0] ?? '';
      const reason = error instanceof CommandError ? error.stderr.trim().split('\n')[0] : describeError(error);
      throw new AppError('failed', `the tap ${name} cannot be made: ${reason ?? ''}`, { cause: error });
    }
  }

  /** Waits until `all` has these taps. The switch can work on their ports meanwhile. */
  seeTaps(taps: readonly NewTap[]): Promise<void> {
    return this.see(() => taps.every(({ name, alias }) => this.links.get(name)?.alias === alias));
  }

  async raise(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await this.batch(
      names.map((name) => `link set dev ${name} up`),
      true,
    );
    await this.see(() => names.every((name) => this.links.get(name)?.isUp !== false));
  }

  /** Ignores those that are gone already, and those that are not ours. */
  async remove(names: readonly string[]): Promise<void> {
    const there = names.filter((name) => this.links.get(name)?.alias.startsWith(aliasStart));
    if (there.length === 0) return;
    const gone = () => there.every((name) => !this.links.get(name)?.alias.startsWith(aliasStart));
    try {
      await this.batch(
        [...there.map((name) => `link set dev ${name} group ${goneGroup}`), `link del group ${goneGroup}`],
        true,
      );
    } catch (error) {
      await this.list();
      if (!gone()) throw error;
    }
    await this.see(gone);
  }

  /**
   * The userspace datapath reads a tap's frames beside the kernel's own stack, and a tap on no bridge has that stack alone. It would
   * take from a guest on any VLAN what is for the node's own addresses; so it drops all that comes from a tap of ours. The datapath
   * reads before that hook. A rule for each group, set before the taps are there: others may have flushed the rules since.
   */
  private async shutToKernel(): Promise<void> {
    try {
      await this.run(['nft', '-f', '-'], listMs, shutTaps);
    } catch (error) {
      if (!this.hasWarned)
        this.options.log('warn', `guests may reach this node’s own addresses over their taps: ${describeError(error)}`);
      this.hasWarned = true;
    }
  }

  private async batch(lines: readonly string[], isForced = false): Promise<void> {
    const argv = ['ip', ...(isForced ? ['-force'] : []), '-batch', '-'];
    await this.run(argv, batchMs(lines.length), `${lines.join('\n')}\n`);
  }

  private run(argv: readonly string[], timeoutMs: number, stdin?: string) {
    const options = { timeoutMs, maxBytes: maxListBytes, ...(stdin === undefined ? {} : { stdin }) };
    return localRunner.run([...this.options.within, ...argv], options);
  }

  /** Waits for the monitor to report what a batch did; a list replaces a report that was lost. */
  private async see(isSeen: () => boolean): Promise<void> {
    if (isSeen()) return;
    const isTimely = await new Promise<boolean>((resolve) => {
      const check = () => {
        if (isSeen()) end(true);
      };
      const timer = setTimeout(() => end(false), seenMs);
      const end = (value: boolean) => {
        clearTimeout(timer);
        this.waiting.delete(check);
        resolve(value);
      };
      this.waiting.add(check);
    });
    if (!isTimely) await this.list();
  }

  private async watch(): Promise<void> {
    const child = await startChild([...this.options.within, 'ip', '-d', '-o', 'monitor', 'link'], {
      diesWithParent: true,
      onLine: (line, stream) => {
        // It says there that reports were lost.
        if (stream === 'stderr') void this.list().catch(() => undefined);
        else this.take(line);
      },
    });
    this.child = child;
    if (this.isStopped) {
      await child.stop();
      return;
    }
    void child.ended.then(() => {
      if (this.isStopped) return;
      this.options.log('warn', '`ip monitor link` ended: it is started again');
      this.later(restartMs, () => this.watch());
    });
    await this.list();
    this.later(secondListMs, () => this.list());
  }

  private later(delayMs: number, run: () => Promise<void>): void {
    if (this.isStopped) return;
    this.timer = setTimeout(() => {
      run().catch((error: unknown) => {
        this.options.log('warn', `interfaces of this node are not watched: ${describeError(error)}`);
        this.later(restartMs, run);
      });
    }, delayMs);
    this.timer.unref();
  }

  private async list(): Promise<void> {
    const news = new Map<number, LinkLine>();
    this.listings.add(news);
    try {
      const { stdout } = await this.run(['ip', '-j', 'link', 'show'], listMs);
      const links = LinkList.parse(JSON.parse(stdout === '' ? '[]' : stdout));
      this.links.clear();
      this.names.clear();
      for (const { ifname, ifindex, flags, ifalias } of links)
        this.note({ link: linkOf(ifname, ifindex, flags, ifalias ?? ''), isGone: false });
      // The list is as old as the moment at which the kernel began with it: what was reported since then is newer.
      for (const line of news.values()) this.note(line);
    } finally {
      this.listings.delete(news);
    }
    this.changed();
  }

  private take(text: string): void {
    const line = parseLinkLine(text);
    if (!line) return;
    for (const news of this.listings) news.set(line.link.index, line);
    this.note(line);
    this.changed();
  }

  private note({ link, isGone }: LinkLine): void {
    const { name, index } = link;
    const before = this.names.get(index);
    // The name may have a new interface already when the old one is reported gone.
    if (before !== undefined && (isGone || before !== name) && this.links.get(before)?.index === index)
      this.links.delete(before);
    if (isGone) this.names.delete(index);
    else {
      this.names.set(index, name);
      this.links.set(name, link);
    }
  }

  /** Once for all lines that are there: 1,000 taps are some thousand. */
  private changed(): void {
    if (this.isTelling) return;
    this.isTelling = true;
    setImmediate(() => {
      this.isTelling = false;
      for (const check of [...this.waiting]) check();
      this.options.onChange();
    });
  }
}

interface LinkLine {
  readonly link: HostLink;
  readonly isGone: boolean;
}

const linkOf = (name: string, index: number, flags: readonly string[], alias: string): HostLink => ({
  name,
  index,
  isUp: flags.includes('UP'),
  hasCarrier: flags.includes('LOWER_UP') && !flags.includes('NO-CARRIER'),
  alias,
});

/**
 * `[Deleted ]4: mega_tap0@if3: <BROADCAST,UP> mtu 1500 …\    link/ether …\    alias meshdeck/c1/vm1` (ip-monitor(8), -oneline;
 * without -details there is no alias).
 */
export function parseLinkLine(line: string): LinkLine | null {
  const match = /^(Deleted )?(\d+): ([^\s:@]+)(?:@\S+)?: <([^>]*)>/.exec(line);
  if (!match) return null;
  const [, deleted, index = '', name = '', flags = ''] = match;
  const alias = /\\\s+alias (.*?)\s*(?:\\|$)/.exec(line)?.[1] ?? '';
  return { link: linkOf(name, Number(index), flags.split(','), alias), isGone: deleted !== undefined };
}
