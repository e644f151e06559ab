// What a machine has on a network interface, and loses when the interface goes into a bridge: addresses, also those of VLANs and bonds over it, and
// the default route. People reach the machine over one of them.
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import { localRunner } from '../runner.ts';

const timeoutMs = 20_000;
/** 10,000 interfaces with their addresses. */
const maxBytes = 32 * 1024 * 1024;

export const AddressList = z.array(
  z.object({
    ifname: z.string().default(''),
    /** What it lies over: of a VLAN its interface, of a veth its peer. */
    link: z.string().nullish(),
    /** The bond or bridge that it is in. */
    master: z.string().nullish(),
    linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
    addr_info: z.array(z.object({ local: z.string(), prefixlen: z.number(), scope: z.string() }).partial()).default([]),
  }),
);
export const RouteList = z.array(
  z.object({ dev: z.string().optional(), nexthops: z.array(z.object({ dev: z.string().optional() })).default([]) }),
);

/** `within`: `argv` that enters the machine. @throws AppError `not-found`, or what `ip` says */
export async function findUses(name: string, within: readonly string[]): Promise<string[]> {
  const ask = async (...words: string[]) => {
    const { stdout } = await localRunner.run([...within, 'ip', '-j', ...words], { timeoutMs, maxBytes });
    return JSON.parse(stdout.trim() === '' ? '[]' : stdout) as unknown;
  };
  const links = AddressList.parse(await ask('-d', 'address', 'show'));
  const routes = RouteList.parse(
    [await ask('-4', 'route', 'show', 'default'), await ask('-6', 'route', 'show', 'default')].flat(),
  );
  if (!links.some(({ ifname }) => ifname === name))
    throw new AppError('not-found', `there is no interface ${name} on this node`);
  return describeUses(name, { links, routes });
}

/** `198.51.100.7/24`, `198.51.100.8/24 on eth0.100`, `the default route`. */
export function describeUses(
  name: string,
  { links, routes }: { links: z.infer<typeof AddressList>; routes: z.infer<typeof RouteList> },
): string[] {
  const over = new Set([name]);
  // A set is walked to its end while it grows.
  for (const below of over) {
    for (const { ifname, link, master, linkinfo } of links) {
      if (link === below && linkinfo?.info_kind !== 'veth') over.add(ifname);
      if (ifname === below && master) over.add(master);
    }
  }
  const addresses = links
    .filter(({ ifname }) => over.has(ifname))
    .flatMap(({ ifname, addr_info }) =>
      // Every interface that is up has one of scope link.
      addr_info
        .filter(({ scope, local }) => scope !== 'link' && local !== undefined)
        .map(({ local = '', prefixlen = 0 }) => `${local}/${prefixlen}${ifname === name ? '' : ` on ${ifname}`}`),
    );
  const isRoute = routes.some(({ dev, nexthops }) =>
    [dev, ...nexthops.map((hop) => hop.dev)].some((each) => over.has(each ?? '')),
  );
  return [...addresses, ...(isRoute ? ['the default route'] : [])];
}
