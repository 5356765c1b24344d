import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Configuration } from '#src/config/schema.ts';
import type { Gatherer } from '#src/events/event.ts';
import { publishedMetric } from './published-metric.ts';
import { type RunbookAlarms, reckoned } from './runbook-alarms.ts';

const MEGABYTES_PER_GIBIBYTE = 2 ** 30 / 1_000_000;
/** Of the gatherer's disk; beyond it there are hours left, not days. */
const DISK_SHARE = 0.6;
/** Beyond it there are days left: a volume grows while it is in use, but not by itself. */
const VOLUME_PERCENT = 80;
/** A line that proves fewer of its books than this is of little use to the tape. */
const PROVEN_PERCENT = 90;

/** Alarms of one gatherer. */
export class LineAlarms {
  /** That it does not live. */
  readonly down: Alarm;
  readonly #alarms: RunbookAlarms;
  readonly #configuration: Configuration;
  readonly #gatherer: Gatherer;

  constructor(alarms: RunbookAlarms, configuration: Configuration, gatherer: Gatherer) {
    this.#alarms = alarms;
    this.#configuration = configuration;
    this.#gatherer = gatherer;
    this.down = alarms.add(
      `line-${gatherer}-down`,
      publishedMetric(configuration.environment, 'line', 'line_alive', { gatherer }, { statistic: 'Sum' }),
      {
        says: `Gatherer ${gatherer} has not been heard of for three minutes.`,
        runbook: 'line-down',
        when: 'below',
        limit: 1,
        periods: 3,
        silenceIsFailure: true,
      },
    );
    this.#queue();
    if (configuration.deployment.line_database.managed === undefined) this.#volume();
    for (const [venue, { enabled }] of Object.entries(configuration.venues)) if (enabled) this.#venue(venue);
  }

  #queue(): void {
    const gatherer = this.#gatherer;
    const { environment, deployment } = this.#configuration;
    const dimensions = { gatherer };
    this.#alarms.add(
      `line-${gatherer}-backlog`,
      publishedMetric(environment, 'line', 'line_oldest_age', dimensions, { statistic: 'Maximum' }),
      {
        says: `Events of gatherer ${gatherer} wait for more than a minute to get into its stream.`,
        runbook: 'line-backlog',
        when: 'above',
        limit: 60,
        periods: 3,
      },
    );
    this.#alarms.add(
      `line-${gatherer}-slow`,
      publishedMetric(environment, 'line', 'line_frame_to_stream_p99', dimensions, { statistic: 'Maximum' }),
      {
        says: `Gatherer ${gatherer} takes more than five seconds from frame to stream.`,
        runbook: 'line-backlog',
        when: 'above',
        limit: 5_000,
        periods: 10,
      },
    );
    this.#alarms.add(
      `line-${gatherer}-disk`,
      publishedMetric(environment, 'line', 'line_disk_used', dimensions, { statistic: 'Maximum' }),
      {
        says: `The disk of gatherer ${gatherer} fills with what it cannot hand over.`,
        runbook: 'line-disk-filling',
        when: 'above',
        limit: Math.floor(deployment.gatherer.data_gibibytes * MEGABYTES_PER_GIBIBYTE * DISK_SHARE),
        periods: 1,
      },
    );
    this.#alarms.add(
      `line-${gatherer}-refused`,
      publishedMetric(environment, 'line', 'line_refused', dimensions, { statistic: 'Sum', minutes: 5 }),
      {
        says: `Gatherer ${gatherer} set events aside that no stream record can hold.`,
        runbook: 'events-set-aside',
        when: 'above',
        limit: 0,
        periods: 1,
      },
    );
    this.#alarms.add(
      `line-${gatherer}-raw-dropped`,
      publishedMetric(environment, 'line', 'line_raw_dropped', dimensions, { statistic: 'Sum', minutes: 5 }),
      {
        says: `The disk of gatherer ${gatherer} refuses raw frames.`,
        runbook: 'raw-frames-dropped',
        when: 'above',
        limit: 0,
        periods: 1,
      },
    );
  }

  #volume(): void {
    const gatherer = this.#gatherer;
    this.#alarms.add(
      `line-${gatherer}-volume`,
      publishedMetric(
        this.#configuration.environment,
        'lineDatabase',
        'line_database_volume_used',
        { gatherer },
        { statistic: 'Maximum', minutes: 5 },
      ),
      {
        says: `The volume of the database of line ${gatherer} is more than ${VOLUME_PERCENT} % full.`,
        runbook: 'line-volume-filling',
        when: 'above',
        limit: VOLUME_PERCENT,
        periods: 2,
        silenceIsFailure: true,
      },
    );
  }

  #venue(venue: string): void {
    const gatherer = this.#gatherer;
    const { environment } = this.#configuration;
    const dimensions = { gatherer, venue };
    const figure = (
      name: 'venue_instruments_proven' | 'venue_instruments_expected',
    ): ReturnType<typeof publishedMetric> =>
      publishedMetric(environment, 'lineVenue', name, dimensions, { statistic: 'Minimum' });
    this.#alarms.add(
      `line-${gatherer}-${venue}-blind`,
      reckoned(
        'IF(expected > 0, 100 * proven / expected, 0)',
        { proven: figure('venue_instruments_proven'), expected: figure('venue_instruments_expected') },
        { minutes: 1, label: 'books proven, %' },
      ),
      {
        says: `Gatherer ${gatherer} proves fewer than ${PROVEN_PERCENT} % of the books of ${venue}.`,
        runbook: 'venue-blind',
        when: 'below',
        limit: PROVEN_PERCENT,
        periods: 15,
      },
    );
    this.#alarms.add(
      `line-${gatherer}-${venue}-silent`,
      publishedMetric(environment, 'lineVenue', 'venue_frames', dimensions, { statistic: 'Sum', minutes: 5 }),
      {
        says: `Gatherer ${gatherer} has received nothing from ${venue} for ten minutes.`,
        runbook: 'venue-silent',
        when: 'below',
        limit: 1,
        periods: 2,
      },
    );
    this.#alarms.add(
      `line-${gatherer}-${venue}-unauthorized`,
      publishedMetric(environment, 'lineVenue', 'venue_unauthorized', dimensions, { statistic: 'Maximum' }),
      {
        says: `${venue} refuses the key of gatherer ${gatherer}.`,
        runbook: 'venue-key-refused',
        when: 'above',
        limit: 0,
        periods: 2,
      },
    );
    this.#alarms.add(
      `line-${gatherer}-${venue}-unreadable`,
      publishedMetric(environment, 'lineVenue', 'venue_unreadable', dimensions, {
        statistic: 'Sum',
        minutes: 5,
      }),
      {
        says: `Gatherer ${gatherer} does not understand what ${venue} sends.`,
        runbook: 'unreadable-frames',
        when: 'above',
        limit: 20,
        periods: 2,
      },
    );
  }
}
