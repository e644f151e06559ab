'use client';
// The methods of the console over plain HTTP, as its OpenAPI document has them: what each takes, who may call it, and a line for curl.
import { ChevronRight } from 'lucide-react';
import { useEffect, useState, type ReactElement } from 'react';
import { Badge } from '../ui/Badge.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { SearchInput } from '../ui/SearchInput.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { apiMethodsOf, curlLine, type ApiMethod } from './api-methods.ts';

const documentPath = '/api/openapi.json';

export function ApiPanel(): ReactElement {
  const [methods, setMethods] = useState<readonly ApiMethod[] | null>(null);
  const [error, setError] = useState('');
  const [text, setText] = useState('');
  useEffect(() => {
    const abort = new AbortController();
    fetch(documentPath, { signal: abort.signal })
      .then(async (response) => {
        if (!response.ok) throw new Error(`the console answers ${response.status}`);
        setMethods(apiMethodsOf(await response.json()));
      })
      .catch((cause: unknown) => {
        if (!abort.signal.aborted) setError(`The list did not come: ${String(cause)}. Load the page again.`);
      });
    return () => {
      abort.abort();
    };
  }, []);
  const wanted = text.trim().toLowerCase();
  const shown = (methods ?? []).filter(({ name, summary }) => `${name} ${summary}`.toLowerCase().includes(wanted));
  return (
    <Panel
      title="HTTP API"
      isFlush
      actions={<SearchInput label="Find a method" value={text} onValueChange={setText} placeholder="Find a method" />}
    >
      <div className="flex flex-col gap-3 border-b p-4 text-fg-2">
        <p>
          Programs call every method of this console over HTTP, with a token of the tab Account, which acts with your
          role. Keep the header in a file, so that no list of processes shows the token:
        </p>
        <CommandLine
          command={'install -m 600 /dev/null meshdeck-token\necho "Authorization: Bearer <token>" > meshdeck-token'}
        />
        <p>
          <a href={documentPath} className="text-accent underline" target="_blank" rel="noreferrer">
            {documentPath}
          </a>{' '}
          describes it for tools (OpenAPI 3.1). Events come from{' '}
          <code className="font-mono text-sm">/api/v1/events</code>:
        </p>
        <CommandLine command={`curl -sSN -H @meshdeck-token '${originNow()}/api/v1/events?follow=fleet&follow=runs'`} />
      </div>
      {error === '' ? null : (
        <div className="p-3">
          <Notice state="bad" role="alert">
            {error}
          </Notice>
        </div>
      )}
      {methods === null && error === '' ? <SkeletonRows count={12} label="The methods are loading" /> : null}
      {methods !== null && shown.length === 0 ? <p className="p-4 text-fg-2">No method has these words.</p> : null}
      <ul>
        {shown.map((method) => (
          <li key={method.name} className="border-b last:border-b-0">
            <MethodEntry method={method} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

const originNow = (): string => (typeof window === 'undefined' ? '' : window.location.origin);

function MethodEntry({ method }: { method: ApiMethod }): ReactElement {
  const { name, summary, description, fields, example } = method;
  return (
    <details className="group">
      <summary className="flex cursor-pointer list-none flex-wrap items-baseline gap-x-3 gap-y-0.5 px-4 py-2 hover:bg-surface-2 [&::-webkit-details-marker]:hidden">
        <ChevronRight
          aria-hidden
          className="size-4 shrink-0 self-center text-fg-3 transition-transform group-open:rotate-90"
        />
        <code className="basis-52 font-mono text-sm font-medium">{name}</code>
        <span className="min-w-0 flex-1 basis-60 text-fg-2">{summary}</span>
      </summary>
      <div className="flex flex-col gap-3 px-4 pt-1 pb-4 md:pl-11">
        <p className="text-sm text-fg-2">{description}</p>
        {fields.length === 0 ? null : (
          <ul className="flex flex-col gap-1 text-sm">
            {fields.map(({ name: field, type, isRequired }) => (
              <li key={field} className="flex flex-wrap items-baseline gap-x-2">
                <code className="font-mono">{field}</code>
                <span className="text-fg-2">{type}</span>
                {isRequired ? null : <Badge>optional</Badge>}
              </li>
            ))}
          </ul>
        )}
        <CommandLine command={curlLine(originNow(), name, example)} />
      </div>
    </details>
  );
}
