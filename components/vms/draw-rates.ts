// Draws rates over time with uPlot, which is loaded with this file. Values change in place; nothing here is React's.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatClock } from '../../lib/format.ts';
import { onSchemeChange, readColours } from '../topology/colours.ts';

export interface RateLine {
  readonly label: string;
  /** As a token of the page. */
  readonly colour: 'accent' | 'ok';
}

export interface RateChartLook {
  readonly lines: readonly RateLine[];
  /** The scale ends there at least. */
  readonly least: number;
  readonly format: (value: number) => string;
}

/** Seconds since 1970, and the values of each line; null: nothing is known. */
export type RateData = readonly [readonly number[], ...(readonly (number | null)[])[]];

export interface RateChart {
  readonly draw: (data: RateData) => void;
  readonly remove: () => void;
}

const height = 112;
const windowSeconds = 300;
const font = '11px "Inter Variable", ui-sans-serif, system-ui, sans-serif';

export function drawRates(box: HTMLElement, look: RateChartLook): RateChart {
  let data: RateData = [[], ...look.lines.map(() => [])];
  let chart = create();

  function create(): uPlot {
    const colours = readColours(box);
    const strokes = { accent: colours.accent, ok: colours.state.ok };
    const axis = { stroke: colours.quietText, font, ticks: { show: false }, gap: 4 };
    return new uPlot(
      {
        width: Math.max(80, box.clientWidth),
        height,
        padding: [8, 4, 0, 0],
        legend: { show: false },
        cursor: { show: false },
        scales: {
          // The last five minutes, also while less is known.
          x: { range: (_self, _min, max) => [(max || 0) - windowSeconds, max || 1] },
          y: { range: (_self, _min, max) => [0, Math.max(look.least, max * 1.1 || 0)] },
        },
        axes: [
          {
            ...axis,
            size: 20,
            space: 90,
            grid: { show: false },
            values: (_self, splits) => splits.map((seconds) => formatClock(1000 * seconds)),
          },
          {
            ...axis,
            size: 58,
            space: 34,
            grid: { stroke: colours.line, width: 1 },
            values: (_self, splits) => splits.map(look.format),
          },
        ],
        series: [
          {},
          ...look.lines.map(({ label, colour }, index) => ({
            label,
            stroke: strokes[colour],
            width: 1.5,
            points: { show: false },
            ...(index === 0 ? { fill: `${strokes[colour]}22` } : {}),
          })),
        ],
      },
      data as unknown as uPlot.AlignedData,
      box,
    );
  }

  const again = (): void => {
    chart.destroy();
    chart = create();
  };
  const endScheme = onSchemeChange(again);
  const observer = new ResizeObserver(() => {
    const width = Math.max(80, box.clientWidth);
    if (width !== chart.width) chart.setSize({ width, height });
  });
  observer.observe(box);
  return {
    draw: (next) => {
      data = next;
      chart.setData(data as unknown as uPlot.AlignedData);
    },
    remove: () => {
      endScheme();
      observer.disconnect();
      chart.destroy();
    },
  };
}
