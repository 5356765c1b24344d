import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LatencyHistogram } from '#src/telemetry/latency.ts';
import { metricLine, metricsNamespace, publishedMetrics } from '#src/telemetry/published-metrics.ts';
import { LinePublisher, type PublishedLine } from '../../containers/gatherer/published.ts';
import { emfLines } from './emf.ts';

const batcher = (figures: Partial<NonNullable<PublishedLine['batcher']>>): PublishedLine['batcher'] =>
  ({
    backlog_lines: 0,
    oldest_age: 0,
    journal_bytes: 0,
    set_aside_lines: 0,
    not_encodable_lines: 0,
    ...figures,
  }) as PublishedLine['batcher'];

function line(counters: Partial<PublishedLine['venues'][number]['counters']> = {}): PublishedLine {
  return {
    gatherer: 'b',
    batcher: batcher({
      backlog_lines: 7,
      oldest_age: 2_500_000,
      journal_bytes: 3_000_000,
      set_aside_lines: 1,
    }),
    frameToStream: new LatencyHistogram(),
    venues: [
      {
        venue: 'kalshi',
        status: {
          connections: [{ state: 'open' }, { state: 'waiting' }],
          keeper: { expected: 10, proven: 9 },
          unauthorized: true,
        } as unknown as PublishedLine['venues'][number]['status'],
        counters: { frames: 0, events: 0, losses: 0, problems: 0, ...counters },
        recorder: { dropped_lines: 0, waiting_bytes: 1_500_000 },
      },
    ],
  };
}

describe('metrics for CloudWatch', () => {
  it('are written in its embedded format, in the namespace of their environment', () => {
    const text = metricLine(
      metricsNamespace('prod'),
      'tape',
      1_700_000_000_000,
      {},
      { tape_settled_age: 4, tape_lines_alive: 3 },
    );
    expect(JSON.parse(text)).toEqual({
      _aws: {
        Timestamp: 1_700_000_000_000,
        CloudWatchMetrics: [
          {
            Namespace: 'PredictionTape/prod',
            Dimensions: [[]],
            Metrics: [
              { Name: 'tape_settled_age', Unit: 'Seconds' },
              { Name: 'tape_lines_alive', Unit: 'Count' },
            ],
          },
        ],
      },
      tape_settled_age: 4,
      tape_lines_alive: 3,
    });
  });

  it('leave out what is not known rather than calling it zero', () => {
    const text = metricLine('n', 'tape', 1, {}, { tape_settled_age: null, tape_lines_alive: 0 });
    expect(JSON.parse(text)).not.toHaveProperty('tape_settled_age');
    expect(text).not.toContain('tape_settled_age');
  });

  it('have one name each, and a venue or a line as dimension but nothing finer', () => {
    const groups = Object.values(publishedMetrics);
    const names = groups.flatMap(({ units }) => Object.keys(units));
    expect(new Set(names).size).toBe(names.length);
    for (const { dimensions } of groups)
      for (const dimension of dimensions) expect(['gatherer', 'venue']).toContain(dimension);
  });
});

describe('what the machine of a line’s database publishes', () => {
  it('is what is declared for it, in the namespace that it is given', () => {
    const script = readFileSync(new URL('../../containers/timescaledb/host.sh', import.meta.url), 'utf8');
    const commands = script.match(/put-metric-data .*/g) ?? [];
    expect(commands).toHaveLength(Object.keys(publishedMetrics.lineDatabase.units).length);
    for (const [name, unit] of Object.entries(publishedMetrics.lineDatabase.units)) {
      expect(commands[0]).toContain(
        `--namespace $METRICS_NAMESPACE --metric-name ${name} --dimensions gatherer=$GATHERER --unit ${unit}`,
      );
    }
  });
});

describe('what a gatherer publishes', () => {
  it('is every metric of a line and of a venue that is declared', () => {
    const written: string[] = [];
    new LinePublisher('PredictionTape/prod', (text) => written.push(text)).publish(5_000, line());
    const lines = emfLines(written.join(''));
    expect(lines.map(({ dimensions }) => dimensions)).toEqual([
      { gatherer: 'b' },
      { gatherer: 'b', venue: 'kalshi' },
    ]);
    // Without an observation there is no percentile.
    const declared = Object.keys(publishedMetrics.line.units).filter(
      (name) => name !== 'line_frame_to_stream_p99',
    );
    expect(Object.keys(lines[0]!.values).sort()).toEqual(declared.sort());
    expect(lines[0]!.values).toMatchObject({
      line_alive: 1,
      line_backlog: 7,
      line_oldest_age: 2.5,
      line_disk_used: 4.5,
      line_refused: 1,
    });
    expect(Object.keys(lines[1]!.values).sort()).toEqual(
      Object.keys(publishedMetrics.lineVenue.units).sort(),
    );
    expect(lines[1]!.values).toMatchObject({
      venue_instruments_expected: 10,
      venue_instruments_proven: 9,
      venue_connections_open: 1,
      venue_unauthorized: 1,
    });
  });

  it('counts up what was added since it was published last', () => {
    const written: string[] = [];
    const publisher = new LinePublisher('n', (text) => written.push(text));
    publisher.publish(1, line({ frames: 100, problems: 3 }));
    publisher.publish(2, line({ frames: 130, problems: 7 }));
    const [, first, again, second] = emfLines(written.join(''));
    expect([first!.values['venue_frames'], second!.values['venue_frames']]).toEqual([100, 30]);
    expect([first!.values['venue_unreadable'], second!.values['venue_unreadable']]).toEqual([3, 4]);
    expect(again!.values['line_refused']).toBe(0);
  });

  it('says how slow the last minute was, not the whole life', () => {
    const written: string[] = [];
    const publisher = new LinePublisher('n', (text) => written.push(text));
    const slow = line();
    slow.frameToStream.observe(3_000_000, 10);
    publisher.publish(1, slow);
    slow.frameToStream.observe(10_000, 10);
    publisher.publish(2, slow);
    const [first, , second] = emfLines(written.join(''));
    expect(first!.values['line_frame_to_stream_p99']).toBeGreaterThanOrEqual(3_000);
    expect(second!.values['line_frame_to_stream_p99']).toBeLessThan(12);
  });
});
