import { type DestinationStream, destination, type Logger as PinoLogger, pino } from 'pino';
import { type Clock, formatRfc3339 } from '../units/time.ts';
import { redact, scrubText } from './redaction.ts';
import { RepeatLimiter, type RepeatLimiterOptions } from './repeat-limiter.ts';

type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** One JSON object per line. The message is a fixed sentence; what varies goes into the details. */
export interface Logger {
  trace(message: string, details?: object): void;
  debug(message: string, details?: object): void;
  info(message: string, details?: object): void;
  warn(message: string, details?: object): void;
  error(message: string, details?: object): void;
  /** A logger that adds these fields to every line. */
  child(fields: object): Logger;
}

export interface LoggerOptions {
  readonly clock: Clock;
  readonly level: LogLevel;
  /** Added to every line, e.g. `{ service: 'gatherer', gatherer: 'a' }`. */
  readonly fields?: object;
  /** Standard error by default, so that standard output stays for data. */
  readonly to?: { write(text: string): void };
  readonly repeats?: Omit<RepeatLimiterOptions, 'clock'>;
}

/**
 * A logger that never prints secrets, shows repeats of one message (at one level) only so often a minute, says
 * how many it left out, and never throws.
 */
export function createLogger(options: LoggerOptions): Logger {
  const sink: DestinationStream = options.to ?? destination({ fd: 2, sync: true });
  const root = pino(
    {
      level: options.level,
      base: redact(options.fields ?? {}) as Record<string, unknown>,
      timestamp: () => `,"time":"${formatRfc3339(options.clock())}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  return wrap(root, new RepeatLimiter({ clock: options.clock, ...options.repeats }));
}

function wrap(target: PinoLogger, limiter: RepeatLimiter): Logger {
  const write = (level: LogLevel, message: string, details: object | undefined): void => {
    if (!target.isLevelEnabled(level)) return;
    try {
      const suppressed = limiter.admit(`${level} ${message}`);
      for (const overdue of limiter.takeOverdue()) {
        target.info(
          { repeated: scrubText(overdue.kind), suppressed: overdue.suppressed },
          'messages were left out',
        );
      }
      if (suppressed === null) return;
      const shown = redact(details instanceof Error ? { error: details } : (details ?? {})) as object;
      target[level](suppressed > 0 ? { ...shown, suppressed } : shown, scrubText(message));
    } catch {
      // A log line that cannot be written must not become a second failure.
    }
  };
  return {
    trace: (message, details) => write('trace', message, details),
    debug: (message, details) => write('debug', message, details),
    info: (message, details) => write('info', message, details),
    warn: (message, details) => write('warn', message, details),
    error: (message, details) => write('error', message, details),
    child: (fields) => wrap(target.child(redact(fields) as Record<string, unknown>), limiter),
  };
}
