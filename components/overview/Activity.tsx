// How much happened in each minute of the last hour.
import type { ReactElement } from 'react';

const width = 240;
const height = 28;

export function Activity({ counts }: { counts: readonly number[] }): ReactElement {
  const most = Math.max(4, ...counts);
  const step = width / counts.length;
  const total = counts.reduce((sum, count) => sum + count, 0);
  return (
    <svg
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={`${total} changes in the last hour, by minute`}
      className="h-7 w-full"
      preserveAspectRatio="none"
    >
      <path
        d={`M0 ${height - 0.5}H${width}`}
        stroke="var(--line-strong)"
        strokeWidth="1"
        vectorEffect="non-scaling-stroke"
      />
      {counts.map((count, index) =>
        count === 0 ? null : (
          <rect
            key={index}
            x={index * step + 0.5}
            width={step - 1}
            y={height - 1 - (count / most) * (height - 4)}
            height={(count / most) * (height - 4)}
            fill="var(--accent)"
          />
        ),
      )}
    </svg>
  );
}
