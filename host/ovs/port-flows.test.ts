// Which flows decide about one port's frames.
import { expect, test } from 'vitest';
import { ourCookie, probeCookie, type BridgeFlow } from './openflow.ts';
import { portFlows } from './port-flows.ts';

const flow = (change: Partial<BridgeFlow>): BridgeFlow => ({
  ...{ table: 0, priority: 0, cookie: 0n, packets: 1, bytes: 60, inPort: null, isForAll: true, does: 'normal' },
  ...change,
});
const base = flow({ packets: 100 });

test('a bridge that nobody controls, and one whose frames we copy', () => {
  const rest = { does: 'normal', packets: 100, priority: 0, isOfPort: false };
  const none = { flows: 0, packets: 0 };
  expect(portFlows([base], 3)).toEqual({ ours: none, others: none, rest });
  const copies = [3, 3, 4].map((inPort) => flow({ priority: 1, cookie: ourCookie, inPort, isForAll: false }));
  const shield = flow({ priority: 0xfffe, cookie: probeCookie, isForAll: false, does: 'drop', packets: 9 });
  expect(portFlows([base, ...copies, shield], 3)).toEqual({ ours: { flows: 3, packets: 11 }, others: none, rest });
});

test('what comes first decides, and what comes after it or is of another port or table does not', () => {
  const drop = flow({ priority: 50, does: 'drop', inPort: 3, packets: 7 });
  const some = flow({ priority: 60, isForAll: false, packets: 2 });
  const late = flow({ priority: 10, isForAll: false, packets: 5 });
  const flows = [
    base,
    late,
    flow({ priority: 99, does: 'drop', inPort: 4 }),
    flow({ priority: 99, table: 1 }),
    drop,
    some,
  ];
  expect(portFlows(flows, 3)).toEqual({
    ...{ ours: { flows: 0, packets: 0 }, others: { flows: 1, packets: 2 } },
    rest: { does: 'drop', packets: 7, priority: 50, isOfPort: true },
  });
  expect(portFlows([late], 3).rest).toBeNull();
});
