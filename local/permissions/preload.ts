/** Loaded before the program of a container: its supervisor hears of the calls to AWS that it makes. */
import { observeSdkCalls } from './sdk-calls.ts';

/** What a process tells its supervisor. */
export interface CallMessage {
  readonly type: 'aws-call';
  readonly action: string;
  readonly resource: string;
}

observeSdkCalls(process.env['AWS_REGION'] ?? 'us-east-1', ({ action, resource }) => {
  if (process.connected) process.send?.({ type: 'aws-call', action, resource } satisfies CallMessage);
});
