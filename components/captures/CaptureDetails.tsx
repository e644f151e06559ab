'use client';
// The selected capture: what it is, what can be done with it, and its first packets.
import { Download, Square, Trash2, X } from 'lucide-react';
import type { ReactElement } from 'react';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { safeText } from '../../core/safe-text.ts';
import { formatInstant } from '../../lib/format.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { CopyButton } from '../ui/CopyButton.tsx';
import { IconButton } from '../ui/IconButton.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { LineAnswers } from '../vlans/LineAnswers.tsx';
import { useLines } from '../vlans/use-lines.ts';
import {
  captureLook,
  describePlace,
  downloadPath,
  forgetLine,
  formatBytes,
  stopLine,
  type CaptureLine,
} from './capture-line.ts';
import { PacketTable } from './PacketTable.tsx';

export function CaptureDetails({ line, onClose }: { line: CaptureLine; onClose: () => void }): ReactElement {
  const asCommand = useShellCommand();
  const cluster = useCluster();
  const lines = useLines(cluster?.Id ?? '');
  const refusal = useRefusal('operator');
  const { capture, node } = line;
  const { state, word, reason } = captureLook(capture);
  const isRunning = capture.State === 'running';
  const attached = cluster?.AttachedTo ?? '';
  const command = isRunning ? stopLine(line, attached) : forgetLine(line, attached);
  return (
    <section
      aria-label={`Capture of ${describePlace(capture)}`}
      className="flex min-h-0 flex-1 flex-col border-t bg-surface-1"
    >
      <header className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b px-4 py-2 md:px-6">
        <h2 className="font-mono text-lg font-semibold">{describePlace(capture)}</h2>
        <span className="text-fg-2">
          on <span className="font-mono">{node}</span>
        </span>
        <StateMark state={state}>{reason === '' ? word : safeText(`${word}: ${reason}`)}</StateMark>
        <span className="ml-auto flex flex-wrap items-center gap-1.5">
          {isRunning ? (
            <Button
              size="sm"
              icon={<Square aria-hidden="true" className="size-4" />}
              isBusy={lines.isBusy}
              disabledReason={refusal}
              onClick={() => void lines.run([command])}
            >
              Stop
            </Button>
          ) : (
            <Button
              size="sm"
              variant="ghost"
              icon={<Trash2 aria-hidden="true" className="size-4" />}
              isBusy={lines.isBusy}
              disabledReason={refusal}
              onClick={() => void lines.run([command])}
            >
              Forget
            </Button>
          )}
          <CopyButton text={asCommand(command)} label={`Copy as command: ${command}`} />
          <DownloadButton captures={[line]} size="sm" />
          <IconButton label="Close" icon={<X />} onClick={onClose} />
        </span>
        <p className="w-full text-sm text-fg-2">
          <span className="numbers">
            {capture.Packets} {capture.Kind === 'netflow' ? 'flows' : 'packets'}, {formatBytes(capture.Bytes)}
          </span>
          {capture.Dropped !== null && capture.Dropped > 0 ? (
            <span className="text-warn"> · the node was too slow for {capture.Dropped} more</span>
          ) : null}
          {' · '}
          <span className="font-mono">{safeText(capture.Target)}</span>
          {capture.Filter === '' ? null : (
            <>
              {' · filter '}
              <span className="font-mono">{safeText(capture.Filter)}</span>
            </>
          )}
          {' · '}
          {isRunning
            ? `ends at ${formatBytes(capture.MaxBytes)} or after ${capture.MaxSeconds} s`
            : `ended ${formatInstant(capture.Ended ?? capture.Started)}`}
          {capture.By === '' ? '' : ` · by ${safeText(capture.By)}`}
        </p>
        {lines.hasFailed ? (
          <div className="w-full">
            <LineAnswers answers={lines.answers} />
          </div>
        ) : null}
      </header>
      {capture.HasPackets ? (
        <PacketTable key={line.key} line={line} />
      ) : (
        <p className="px-4 py-3 text-fg-2 md:px-6">Flows are in its file on {node}; they are not shown here.</p>
      )}
    </section>
  );
}

export function DownloadButton({
  captures,
  size,
}: {
  captures: readonly CaptureLine[];
  size?: 'sm' | 'md';
}): ReactElement {
  const cluster = useCluster()?.Id ?? '';
  const refusal = useRefusal('operator');
  const withPackets = captures.filter(({ capture }) => capture.HasPackets);
  const reason = withPackets.length === 0 ? 'Flows are in a file on the node.' : refusal;
  return (
    <Button
      size={size ?? 'md'}
      icon={<Download aria-hidden="true" className="size-4" />}
      disabledReason={reason}
      render={<a href={downloadPath(cluster, withPackets)} download />}
    >
      {captures.length > 1 ? `Download ${withPackets.length} as one pcapng` : 'Download pcapng'}
    </Button>
  );
}
