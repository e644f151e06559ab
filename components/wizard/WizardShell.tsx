'use client';
// The one shell of all wizards: left the steps, middle the form, right what will happen; then the plan, the run, its
// result. It renders any plan of contract/plans and knows no wizard. Where one is stands in the URL, so the browser's back
// button goes back a step; what was typed stays. Passwords are in this component's memory and nowhere else.
import { lazy, Suspense, type ReactElement } from 'react';
import { PageHeader } from '../frame/PageHeader.tsx';
import { Notice } from '../ui/Notice.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { NodeSummary } from './NodeSummary.tsx';
import { useWizard } from './use-wizard.ts';
import { WizardForm } from './WizardForm.tsx';
import { loadPlan, WizardPlan } from './WizardPlan.tsx';
import { WizardSteps } from './WizardSteps.tsx';
import type { FieldsProps } from './wizard-fields.ts';
import { type FormValues, hasPlan, issueOf } from './wizard-state.ts';
import type { Wizard } from './wizard.ts';

const loadRun = async () => ({ default: (await import('./RunInWizard.tsx')).RunInWizard });
const RunInWizard = lazy(loadRun);
// What comes after the form is loaded while the plan is made.
const loadNext = () => Promise.allSettled([loadPlan(), loadRun()]);

export function WizardShell<Form extends FormValues>({ wizard }: { wizard: Wizard<Form> }): ReactElement {
  const atWork = useWizard(wizard, loadNext);
  const { state, dispatch, steps, at, goTo } = atWork;
  const { place, form, plan } = state;
  const page = place.at === 'form' ? wizard.pages[place.page] : undefined;
  const fields: FieldsProps<Form> = {
    form,
    set: (field, value, part) => {
      dispatch({ do: 'set', field, value, ...(part === undefined ? {} : { part }) });
    },
    issue: (field) => issueOf(state, field) ?? '',
  };
  const formIssue = issueOf(state, '');
  return (
    <>
      <PageHeader title={wizard.kind.title} state={`Step ${at + 1} of ${steps.length}: ${steps[at]?.title ?? ''}`} />
      <div className="grid min-w-0 flex-1 content-start gap-x-8 gap-y-4 px-4 pb-6 md:px-6 lg:grid-cols-[11rem_minmax(0,1fr)] xl:grid-cols-[11rem_minmax(0,1fr)_22rem]">
        <WizardSteps
          steps={steps}
          at={at}
          isReachable={(key) => place.at !== 'run' && (key === 'plan' ? hasPlan(state) : key !== 'run')}
          onGo={goTo}
        />
        <div className={`flex min-w-0 flex-col gap-4 ${place.at === 'run' ? 'xl:col-span-2' : ''}`}>
          <h2 ref={atWork.heading} tabIndex={-1} className="text-lg font-semibold outline-none">
            {steps[at]?.title}
          </h2>
          {formIssue === null ? null : (
            <Notice state="bad" role="alert" title="That did not work">
              <span className="break-words whitespace-pre-line">{formIssue}</span>
            </Notice>
          )}
          {page ? <WizardForm wizard={wizard} page={page} fields={fields} atWork={atWork} /> : null}
          {place.at === 'plan' && plan ? (
            <WizardPlan wizard={wizard} plan={plan} fields={fields} atWork={atWork} />
          ) : null}
          {place.at === 'run' ? (
            <Suspense fallback={<SkeletonRows label="The run is loading" />}>
              <RunInWizard id={place.run} />
            </Suspense>
          ) : null}
        </div>
        {place.at === 'run' ? null : (
          <aside aria-label="What will happen" className="min-w-0 lg:col-start-2 xl:col-start-auto">
            {place.at === 'plan' && plan ? <NodeSummary plan={plan} /> : wizard.outlook(form)}
          </aside>
        )}
      </div>
    </>
  );
}
