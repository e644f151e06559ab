// The plan that was made: what it does, the secrets that it wants, and the button that runs it.
import { lazy, Suspense, type ReactElement } from 'react';
import type { Plan } from '../../contract/plans.ts';
import { Button } from '../ui/Button.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { SecretFields } from './SecretFields.tsx';
import type { WizardAtWork } from './use-wizard.ts';
import type { FieldsProps } from './wizard-fields.ts';
import { type FormValues, hasPlan } from './wizard-state.ts';
import type { Wizard } from './wizard.ts';

export const loadPlan = async () => ({ default: (await import('./PlanPreview.tsx')).PlanPreview });
const PlanPreview = lazy(loadPlan);

interface WizardPlanProps<Form extends FormValues> {
  wizard: Wizard<Form>;
  plan: Plan;
  fields: FieldsProps<Form>;
  atWork: WizardAtWork<Form>;
}

export function WizardPlan<Form extends FormValues>({
  wizard,
  plan,
  fields,
  atWork,
}: WizardPlanProps<Form>): ReactElement {
  const { state, dispatch, goTo, makePlan, start } = atWork;
  const { planSecrets, busy } = state;
  return (
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
          <Button variant="primary" type="submit" isBusy={busy === 'starting'} disabledReason={atWork.runRefusal}>
            Run it
          </Button>
        ) : (
          <Button variant="primary" isBusy={busy === 'planning'} onClick={() => void makePlan()}>
            Plan again
          </Button>
        )}
      </div>
    </form>
  );
}
