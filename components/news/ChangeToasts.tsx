'use client';
// Listens, and says in the corner what others do on the nodes that the reader looks at.
import { usePathname, useRouter } from 'next/navigation';
import { useEffect, useRef } from 'react';
import type { RunSummary } from '../../contract/plans.ts';
import { useConsole, useRuns } from '../../lib/use-console.ts';
import { useSession } from '../frame/use-session.tsx';
import { useUrlState } from '../frame/use-url-state.ts';
import { useToast } from '../ui/Toast.tsx';
import { runNews } from './run-news.ts';

export function ChangeToasts(): null {
  const client = useConsole()?.client ?? null;
  const { runs } = useRuns();
  const session = useSession();
  const path = usePathname();
  const router = useRouter();
  const url = useUrlState();
  const toast = useToast();
  const shownNode = /^\/nodes\/([^/]+)$/.exec(path)?.[1];
  const context = {
    // As the server names a caller.
    reader: session === null ? '' : `${session.user.name} <${session.user.email}>`,
    node: shownNode !== undefined && shownNode !== 'add' ? decodeURIComponent(shownNode) : url.get('node'),
    isShown: (id: string) => path === `/runs/${encodeURIComponent(id)}` || url.get('run') === id,
    toast,
    open: (id: string) => {
      router.push(`/runs/${encodeURIComponent(id)}`);
    },
  };
  const latest = useRef(context);
  const known = useRef(new Map<string, RunSummary>());
  useEffect(() => {
    latest.current = context;
  });
  useEffect(() => {
    // What the list says is known, not news; an event of the same run comes after it.
    for (const run of runs) if (!known.current.has(run.id)) known.current.set(run.id, run);
  }, [runs]);
  useEffect(() => {
    if (!client) return;
    return client.on('runs.changed', (now) => {
      const { reader, node, isShown, toast: show, open } = latest.current;
      const before = known.current.get(now.id);
      known.current.set(now.id, now);
      const news = runNews({ before, now, reader, node, isShown: isShown(now.id) });
      if (news === null) return;
      show({
        title: news.title,
        description: news.description,
        state: news.tone,
        action: {
          label: 'Open the run',
          onSelect: () => {
            open(now.id);
          },
        },
      });
    });
  }, [client]);
  return null;
}
