import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultSettings } from '../faults/specification.ts';
import type { Random } from '../market/random.ts';
import type { RestAnswer, RestRequest } from './listener.ts';

type Handler = (request: RestRequest) => Promise<RestAnswer>;

const HTML =
  '<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad gateway</h1></body></html>';

/**
 * A handler with the faults of REST before it: late answers, refusals, server errors and pages for people.
 *
 * @param tooMany the venue's own body for a 429
 */
export function withRestFaults(
  handle: Handler,
  settings: () => FaultSettings,
  isRestarting: () => boolean,
  random: Random,
  tooMany: (random: Random) => unknown,
): Handler {
  return async (request) => {
    const { rest, slow_rest_ms } = settings();
    if (isRestarting())
      return { status: 503, body: { error: { code: 'service_unavailable', message: 'restarting' } } };
    if (random.chance(rest.slow_rest ?? 0)) await sleep(slow_rest_ms);
    if (random.chance(rest.rest_429 ?? 0)) return { status: 429, body: tooMany(random) };
    if (random.chance(rest.rest_500 ?? 0)) {
      return {
        status: random.pick([500, 502, 503, 504]),
        body: { error: { code: 'internal_error', message: 'internal error' } },
      };
    }
    if (random.chance(rest.rest_html ?? 0)) {
      return { status: 502, body: HTML, headers: { 'content-type': 'text/html' } };
    }
    return handle(request);
  };
}
