// The steps of a wizard: a list on the left, a line of marks on a narrow screen. Those that are behind can be gone back to.
import { Check } from 'lucide-react';
import type { ReactElement } from 'react';

export interface WizardStepsProps {
  readonly steps: readonly { readonly key: string; readonly title: string }[];
  readonly at: number;
  readonly isReachable: (key: string) => boolean;
  readonly onGo: (key: string) => void;
}

export function WizardSteps({ steps, at, isReachable, onGo }: WizardStepsProps): ReactElement {
  return (
    <nav aria-label="Steps" className="min-w-0">
      <ol className="flex gap-1 max-lg:overflow-x-auto lg:flex-col">
        {steps.map(({ key, title }, index) => {
          const isHere = index === at;
          const look = `flex min-h-8 w-full items-center gap-2 rounded-md px-2 text-left whitespace-nowrap max-md:min-h-10 ${
            isHere ? 'bg-surface-3 font-medium text-fg-1' : 'text-fg-2'
          }`;
          const content = (
            <>
              <span
                aria-hidden="true"
                className={`flex size-5 shrink-0 items-center justify-center rounded-full border text-xs numbers [&_svg]:size-3 ${
                  isHere ? 'border-accent bg-accent text-on-accent' : 'border-line-strong'
                }`}
              >
                {index < at ? <Check strokeWidth={3} /> : index + 1}
              </span>
              <span className={isHere ? '' : 'max-sm:sr-only'}>{title}</span>
              {index < at ? <span className="sr-only">(done)</span> : null}
            </>
          );
          return (
            <li key={key} {...(isHere ? { 'aria-current': 'step' as const } : {})}>
              {!isHere && isReachable(key) && index <= at + 1 ? (
                <button
                  type="button"
                  className={`${look} hover:bg-surface-2`}
                  onClick={() => {
                    onGo(key);
                  }}
                >
                  {content}
                </button>
              ) : (
                <span className={look}>{content}</span>
              )}
            </li>
          );
        })}
      </ol>
    </nav>
  );
}
