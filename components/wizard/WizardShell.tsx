'use client';
// The one shell of all wizards: left the steps, middle the form, right what will happen; then the plan, the run, its
// result. It renders any plan of contract/plans and knows no wizard. Where one is stands in the URL, so the browser's back
// button goes back a step; what was typed stays. Passwords are in this component's memory and nowhere else.
import { lazy, Suspense, type ReactElement } from 'react';
import { PageHeader } from '../frame/PageHeader.tsx';
import { Button } from '../ui/Button.tsx';
import { Notice } from '../ui/Notice.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { NodeSummary } from './NodeSummary.tsx';
import { SecretFields } from './SecretFields.tsx';
import { useWizard } from './use-wizard.ts';
import { WaitingFor } from './WaitingFor.tsx';
import { WizardSteps } from './WizardSteps.tsx';
import type { FieldsProps } from './wizard-fields.ts';
import { type FormValues, hasPlan, issueOf } from './wizard-state.ts';
import type { Wizard } from './wizard.ts';

// What comes after the form is loaded while the plan is made.
const loadPlan = async () => ({ default: (await import('./PlanPreview.tsx')).PlanPreview });
const loadRun = async () => ({ default: (await import('./RunInWizard.tsx')).RunInWizard });
const loadNext = () => Promise.allSettled([loadPlan(), loadRun()]);
const PlanPreview = lazy(loadPlan);
const RunInWizard = lazy(loadRun);

export function WizardShell<Form extends FormValues>({ wizard }: { wizard: Wizard<Form> }): ReactElement {
  const atWork = useWizard(wizard, loadNext);
  const { state, dispatch, steps, at, goTo, goOn, makePlan, start } = atWork;
  const { place, form, secrets, planSecrets, plan, busy } = state;
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
          {page ? (
            <form
              className="flex max-w-160 flex-col gap-4"
              autoComplete="off"
              onSubmit={(event) => {
                event.preventDefault();
                goOn();
              }}
            >
              {page.render({
                ...fields,
                secrets,
                setSecret: (name, value) => {
                  dispatch({ do: 'secret', name, value });
                },
                refusal: state.refusal,
              })}
              {busy === 'planning' ? <WaitingFor text={wizard.planning(form)} /> : null}
              <div className="flex flex-wrap gap-2 pt-2">
                {at > 0 ? (
                  <Button
                    onClick={() => {
                      goTo(steps[at - 1]?.key ?? '');
                    }}
                  >
                    Back
                  </Button>
                ) : null}
                <Button variant="primary" type="submit" isBusy={busy === 'planning'} disabledReason={atWork.refusal}>
                  {at < wizard.pages.length - 1 ? 'Next' : hasPlan(state) ? 'To the plan' : 'Make the plan'}
                </Button>
              </div>
            </form>
          ) : null}
          {place.at === 'plan' && plan ? (
            <form
              className="flex min-w-0 flex-col gap-4"
              autoComplete="off"
              onSubmit={(event) => {
                event.preventDefault();
                if (atWork.runRefusal === '' && hasPlan(state)) void start();
              }}
            >
              <Suspense fallback={<SkeletonRows label="The plan is loading" />}>
                <PlanPreview
                  plan={plan}
                  beside={wizard.besidePlan?.(plan, fields)}
                  consent={atWork.consent}
                  isAgreed={state.agreedTo === plan.id}
                  onAgree={(agrees) => {
                    dispatch({ do: 'agree', plan: agrees ? plan.id : '' });
                  }}
                />
              </Suspense>
              <SecretFields
                wanted={atWork.wanted}
                values={planSecrets}
                onChange={(name, value) => {
                  dispatch({ do: 'plan-secret', name, value });
                }}
              />
              <div className="flex flex-wrap gap-2">
                <Button
                  onClick={() => {
                    goTo(wizard.pages.at(-1)?.key ?? '');
                  }}
                >
                  Back
                </Button>
                {hasPlan(state) ? (
                  <Button
                    variant="primary"
                    type="submit"
                    isBusy={busy === 'starting'}
                    disabledReason={atWork.runRefusal}
                  >
                    Run it
                  </Button>
                ) : (
                  <Button variant="primary" isBusy={busy === 'planning'} onClick={() => void makePlan()}>
                    Plan again
                  </Button>
                )}
              </div>
            </form>
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
