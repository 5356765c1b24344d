import { vi } from 'vitest';

/** A log line in CloudWatch's embedded metric format, as CloudWatch reads it. */
export interface EmfLine {
  readonly namespace: string;
  readonly dimensions: Readonly<Record<string, unknown>>;
  readonly values: Readonly<Record<string, number>>;
}

/** The metrics among the lines of a log. */
export function emfLines(text: string): EmfLine[] {
  return text.split('\n').flatMap((line) => {
    if (!line.includes('"_aws"')) return [];
    const parsed = JSON.parse(line);
    const [directive] = parsed._aws.CloudWatchMetrics;
    return [
      {
        namespace: directive.Namespace,
        dimensions: Object.fromEntries(directive.Dimensions[0].map((name: string) => [name, parsed[name]])),
        values: Object.fromEntries(
          directive.Metrics.map(({ Name }: { Name: string }) => [Name, parsed[Name]]),
        ),
      },
    ];
  });
}

/** The metrics that a function writes to its log while it works. */
export async function emfLinesOf(work: () => Promise<unknown>): Promise<EmfLine[]> {
  let text = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    await work();
  } finally {
    spy.mockRestore();
  }
  return emfLines(text);
}
