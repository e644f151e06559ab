import { expect, test } from 'vitest';
import { parseSerfEvent } from './serf.ts';

test.each([
  ['    2026/11/22 08:58:06 [INFO] serf: EventMemberJoin: n3 127.0.3.4', { event: 'Join', node: 3 }],
  ['    2026/11/22 08:58:06 [INFO] serf: EventMemberFailed: n12 127.0.3.13', { event: 'Failed', node: 12 }],
  ['    2026/11/22 08:58:07 [INFO] agent: Received event: member-join', null],
])('%s', (line, event) => {
  expect(parseSerfEvent(line)).toEqual(event);
});
