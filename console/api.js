const KEY = 'prediction-tape-key';
/** Waits between attempts to follow again, milliseconds. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
/** Of a stream that says nothing for so long, not even that it is there, nothing more is expected. */
const SILENCE = 40_000;

/** The server's answer that something is wrong. */
export class ApiFailure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let asking = null;

/** Asks for the key once, however many requests wait for it. */
function askForKey() {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById('key-dialog');
    const input = document.getElementById('key');
    document.getElementById('key-wrong').hidden = sessionStorage.getItem(KEY) === null;
    input.value = '';
    dialog.addEventListener(
      'close',
      () => {
        if (input.value !== '') sessionStorage.setItem(KEY, input.value);
        asking = null;
        resolve();
      },
      { once: true },
    );
    dialog.showModal();
  });
  return asking;
}

async function request(path, signal, accept) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const headers = { accept, ...(key === null ? {} : { authorization: `Bearer ${key}` }) };
    const response = await fetch(path, { headers, signal });
    if (response.status === 401) {
      await askForKey();
      continue;
    }
    if (response.ok) return response;
    const body = await response.json().catch(() => null);
    throw new ApiFailure(response.status, body?.error?.message ?? `the server answered ${response.status}`);
  }
}

/** A path with its parameters; those without a value are left out. */
export function withQuery(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined && value !== null && value !== '') query.set(name, String(value));
  return query.size === 0 ? path : `${path}?${query}`;
}

/** @throws ApiFailure with what the server says. */
export async function get(path, parameters = {}, signal = undefined) {
  const response = await request(withQuery(path, parameters), signal, 'application/json');
  return await response.json();
}

/** Every page of a query up to so many rows. */
export async function getRows(path, parameters, most, signal) {
  const rows = [];
  let cursor;
  do {
    const limit = Math.min(most - rows.length, 10_000);
    const page = await get(path, { ...parameters, limit, cursor }, signal);
    rows.push(...page.data);
    cursor = page.next;
  } while (cursor && rows.length < most);
  return rows;
}

/** Events of a stream, one at a time, with whether one says that there is none; keeps no more than the one that is coming in. */
async function readEvents(response, onEvent, silence) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    silence();
    text += value;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = text.slice(0, end);
      text = text.slice(end + 2);
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data !== undefined) onEvent(JSON.parse(data), /^event: failure$/m.test(event));
    }
  }
}

/**
 * Follows a stream of server-sent events, over `fetch` so that the key can be sent, and again whenever it breaks.
 * While nobody sees the page it rests.
 *
 * @returns how to stop.
 */
export function follow(path, parameters, { onEvent, onState }) {
  let stopped = false;
  let current = null;
  let wait = FIRST_WAIT;
  let timer = null;
  const run = async () => {
    if (stopped || document.hidden || current !== null) return;
    const control = new AbortController();
    current = control;
    let watch = null;
    const silence = () => {
      clearTimeout(watch);
      watch = setTimeout(() => control.abort(), SILENCE);
    };
    try {
      const response = await request(withQuery(path, parameters), control.signal, 'text/event-stream');
      silence();
      await readEvents(
        response,
        (event, isFailure) => {
          wait = FIRST_WAIT;
          if (isFailure) return onState?.(new ApiFailure(200, event.error.message));
          onState?.(null);
          onEvent(event);
        },
        silence,
      );
    } catch (error) {
      if (!stopped && !document.hidden) onState?.(error);
    }
    clearTimeout(watch);
    control.abort();
    current = null;
    if (stopped || document.hidden) return;
    timer = setTimeout(run, wait);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  };
  const onVisibility = () => {
    if (document.hidden) current?.abort();
    else void run();
  };
  document.addEventListener('visibilitychange', onVisibility);
  void run();
  return () => {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisibility);
    current?.abort();
  };
}
