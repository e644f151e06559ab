// How the console reaches a node that runs no meshd.
import type { ReactElement } from 'react';
import type { KnownNode } from '../../contract/known-nodes.ts';
import { formatAgo, formatInstant } from '../../lib/format.ts';
import { Fact, FactList } from './facts.tsx';

export function LoginFacts({ added, now }: { added: KnownNode; now: number }): ReactElement {
  const { addresses, user, addedAt } = added;
  return (
    <FactList>
      <Fact name={addresses.length > 1 ? 'Addresses' : 'Address'} isMono>
        {addresses.map((address) => (
          <div key={address}>{address}</div>
        ))}
      </Fact>
      <Fact name="User" isMono>
        {user}
      </Fact>
      <Fact name="Added">
        <span title={formatInstant(addedAt)}>{formatAgo(addedAt, now)}</span>
      </Fact>
    </FactList>
  );
}
