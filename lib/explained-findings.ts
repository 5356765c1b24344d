import { Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Why a finding of cdk-nag about a construct, or about what is in it, is no fault. */
export interface Explanation {
  /** Id of the rule, such as `AwsSolutions-S1`. */
  readonly rule: string;
  /** Of a rule that finds several things at once: the one that is meant, whole or by pattern. */
  readonly finding?: string | RegExp;
  readonly reason: string;
}

const explanations = new WeakMap<IConstruct, Explanation[]>();

/**
 * Writes down beside a construct why findings about it are no faults. The tests accept no finding without a reason,
 * and no reason without a finding.
 *
 * @throws Error when the construct is a whole stack: that would explain what nobody has looked at.
 */
export function explainFindings(construct: IConstruct, ...reasons: readonly Explanation[]): void {
  if (Stack.isStack(construct)) throw new Error(`${construct.node.path}: a stack is no reason`);
  explanations.set(construct, [...(explanations.get(construct) ?? []), ...reasons]);
}

/** What was written down beside this construct. */
export function explanationsOf(construct: IConstruct): readonly Explanation[] {
  return explanations.get(construct) ?? [];
}
