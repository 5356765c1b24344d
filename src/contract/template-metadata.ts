/**
 * What templates say beside what CloudFormation knows. Nothing on AWS reads it: tests and the local run do, which
 * take their wiring from the templates.
 */

/** Of a function: the project's file that holds its handler. */
export const HANDLER_METADATA = 'PredictionTape::Handler';

/** Of a schedule: the configured interval, where the scheduler, which counts in minutes, rounds it up. */
export const SECONDS_METADATA = 'PredictionTape::EverySeconds';
