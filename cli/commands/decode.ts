import { Command } from 'commander';
import type { MarketEvent, Venue } from '#src/events/event.ts';
import {
  fileBytes,
  RecordingError,
  type RecordingLine,
  recordingBatches,
} from '#src/recording/read-recording.ts';
import { restBody } from '#src/recording/rest-body.ts';
import type { Micros } from '#src/units/time.ts';
import type { DecodedFrame, FrameDecoder } from '#src/venues/decoder.ts';
import { venueDefinition } from '#src/venues/registration.ts';
import type { VenueDefinition } from '#src/venues/venue.ts';
import { venueOption } from '../queries/arguments.ts';
import { CommandFailure } from '../terminal/failure.ts';
import { written } from '../terminal/output.ts';

interface DecodeOptions {
  readonly venue: Venue;
  readonly useYesPrice?: boolean;
  readonly summary?: boolean;
}

/** Characters gathered before they are written, where a batch of lines gives more. */
const FLUSH_AT = 65_536;

/** Decodes line after line; what one batch gives gathers in `events` and `complaints`. */
class LineDecoder {
  readonly counts = { lines: 0, events: 0, problems: 0 };
  events = '';
  complaints = '';
  readonly #venue: VenueDefinition;
  readonly #decoder: FrameDecoder;
  readonly #useYesPrice: boolean;
  readonly #conventions = new Map<string, boolean>();

  constructor(venue: Venue, useYesPrice: boolean) {
    this.#venue = venueDefinition(venue);
    this.#decoder = this.#venue.decoder();
    this.#useYesPrice = useYesPrice;
  }

  line({ number, frame, recorded, fault }: RecordingLine): void {
    this.counts.lines++;
    if (fault !== undefined) this.#complain(number, fault.reason, fault.message);
    else if (frame !== null) this.#frame(number, frame, recorded);
    else if (recorded?.sent !== undefined) {
      const convention = this.#venue.sentConvention(recorded.sent);
      if (convention !== null) this.#conventions.set(recorded.conn, convention);
    } else this.#complain(number, 'binary', 'a binary frame: the venue sends text only');
  }

  #frame(number: number, frame: string, recorded: RecordingLine['recorded']): void {
    const connection = recorded?.conn ?? '';
    const decoded = this.#decoder.decode(frame, {
      received_at: (recorded?.t ?? 0) as Micros,
      useYesPrice: this.#conventions.get(connection) ?? this.#useYesPrice,
    });
    if (decoded.problems.length > 0 && isEmpty(decoded)) {
      const body = restBody(frame);
      if (body !== null) {
        this.#complain(number, 'rest_body', `the body of a REST answer (${body}), not a frame`);
        return;
      }
    }
    for (const { reason, message } of decoded.problems) this.#complain(number, reason, message);
    const provenance = {
      ...(connection === '' ? {} : { connection }),
      ...(decoded.sid === 0 ? {} : { sid: decoded.sid }),
      ...(decoded.seq === 0 ? {} : { seq: decoded.seq }),
    };
    for (const event of decoded.events) {
      this.counts.events++;
      const timed = recorded === null ? withVenueTime(event) : event;
      this.events += `${JSON.stringify({ ...timed, ...provenance })}\n`;
    }
  }

  #complain(line: number, reason: string, message: string): void {
    this.counts.problems++;
    this.complaints += `${JSON.stringify({ line, reason, message })}\n`;
  }
}

function isEmpty({ events, controls }: DecodedFrame): boolean {
  return events.length === 0 && controls.length === 0;
}

/** Nobody wrote down when a bare frame was received: its venue time stands in, 0 where it has none. */
function withVenueTime(event: MarketEvent): MarketEvent {
  const received_at = event.exchange_ts ?? (0 as Micros);
  if (event.kind === 'book_snapshot') return { ...event, received_at, snapshot_ts: received_at };
  return { ...event, received_at };
}

async function decode(file: string | undefined, options: DecodeOptions): Promise<void> {
  const bytes = file === undefined || file === '-' ? process.stdin : fileBytes(file);
  const lines = new LineDecoder(options.venue, options.useYesPrice === true);
  try {
    for await (const batch of recordingBatches(bytes as AsyncIterable<Uint8Array>)) {
      for (const line of batch) {
        lines.line(line);
        if (lines.events.length + lines.complaints.length >= FLUSH_AT) await flush(lines);
      }
      await flush(lines);
    }
  } catch (error) {
    if (error instanceof RecordingError) throw new CommandFailure(error.message);
    throw error;
  }
  if (options.summary === true) await written(process.stderr, `${JSON.stringify(lines.counts)}\n`);
}

async function flush(lines: LineDecoder): Promise<void> {
  const { complaints, events } = lines;
  lines.complaints = '';
  lines.events = '';
  await written(process.stderr, complaints);
  await written(process.stdout, events);
}

/** `tape decode`: raw frames to canonical events. */
export function decodeCommand(): Command {
  return new Command('decode')
    .description('raw frames (one JSON a line, bare or as recorded) to canonical events, one JSON a line')
    .addOption(venueOption('whose frames they are').makeOptionMandatory())
    .option('--use-yes-price', 'Kalshi: NO levels are in YES prices where the recording does not say')
    .option('--summary', 'at the end, counts as one JSON object on standard error')
    .argument('[file]', 'recording, plain or compressed (gzip, Zstandard); standard input when absent or -')
    .addHelpText(
      'after',
      `
Prices are integer micro-dollars, sizes integer micro-contracts, times integer microseconds.
A bare frame has no receive time: received_at is then the venue's time, or 0 where the frame has none.
What cannot be read goes to standard error, one JSON a line {"line","reason","message"}, and stops nothing.`,
    )
    .action(decode);
}
