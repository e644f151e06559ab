// A node's network before and after, as a picture that can be read aloud: the cable, what hangs on it, and who answers at the
// node's addresses.
import { ArrowRight, EthernetPort, Network } from 'lucide-react';
import type { ReactElement, ReactNode } from 'react';
import type { BridgePicture } from '../../core/plans/bridge/plan/step-args.ts';

export interface BeforeAfterProps {
  readonly uplink: string;
  readonly before: BridgePicture;
  readonly after: BridgePicture;
}

export function BeforeAfter({ uplink, before, after }: BeforeAfterProps): ReactElement {
  return (
    <div className="grid items-stretch gap-2 sm:grid-cols-[1fr_auto_1fr]">
      <Side title="Now" uplink={uplink} picture={before} />
      <ArrowRight aria-hidden="true" className="size-5 self-center justify-self-center text-fg-3 max-sm:rotate-90" />
      <Side title="After" uplink={uplink} picture={after} />
    </div>
  );
}

function Side({ title, uplink, picture }: { title: string; uplink: string; picture: BridgePicture }): ReactElement {
  const { bridge, carrier, ports } = picture;
  const addresses = <Addresses picture={picture} />;
  return (
    <figure className="flex min-w-0 flex-col gap-2 rounded-md border bg-surface-0 p-3">
      <figcaption className="text-xs font-medium text-fg-3">{title}</figcaption>
      {bridge === '' ? null : (
        <Box icon={<Network aria-hidden="true" className="size-4 text-fg-3" />} name={bridge} isStrong>
          {carrier === bridge ? addresses : null}
        </Box>
      )}
      {bridge !== '' && ports.includes(uplink) ? (
        <span aria-hidden="true" className="ml-4.5 h-3 w-px bg-line-strong" />
      ) : null}
      <Box icon={<EthernetPort aria-hidden="true" className="size-4 text-fg-3" />} name={uplink}>
        {carrier === uplink ? (
          addresses
        ) : (
          <p className="text-sm text-fg-3">{bridge === '' ? 'no address' : `uplink of ${bridge}, all VLANs`}</p>
        )}
      </Box>
      {ports.length > 1 ? (
        <p className="text-sm text-fg-3">
          also in it: <span className="font-mono">{ports.filter((port) => port !== uplink).join(', ')}</span>
        </p>
      ) : null}
    </figure>
  );
}

interface BoxProps {
  readonly icon: ReactNode;
  readonly name: string;
  readonly isStrong?: boolean;
  readonly children: ReactNode;
}

function Box({ icon, name, isStrong = false, children }: BoxProps): ReactElement {
  return (
    <div
      className={`flex min-w-0 items-start gap-2 rounded-md border px-2.5 py-2 ${isStrong ? 'border-accent bg-accent-soft' : 'bg-surface-1'}`}
    >
      <span className="flex h-5 items-center">{icon}</span>
      <div className="min-w-0">
        <p className="font-mono text-sm font-semibold break-words">{name}</p>
        {children}
      </div>
    </div>
  );
}

function Addresses({ picture }: { picture: BridgePicture }): ReactElement {
  const { addresses, routes, dns } = picture;
  return (
    <ul className="font-mono text-sm text-fg-2">
      {addresses.length === 0 ? <li className="font-sans text-fg-3">no address</li> : null}
      {addresses.map((address) => (
        <li key={address} className="break-words">
          {address}
        </li>
      ))}
      {routes
        .filter((route) => route.startsWith('default'))
        .map((route) => (
          <li key={route} className="text-xs break-words text-fg-3">
            {route}
          </li>
        ))}
      {dns.length === 0 ? null : <li className="text-xs break-words text-fg-3">DNS {dns.join(', ')}</li>}
    </ul>
  );
}
