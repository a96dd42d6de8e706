// The stream. It is opened again when it ends, with a growing pause; an end that nobody told us of is noticed because no
// figures come. Whoever listens always knows which it is: figures of this second, or since when there are none.

/** The server sends figures once a second; so much later something is wrong with the stream. */
const SILENCE = 5_000;
const PAUSES = [500, 1_000, 2_000, 4_000, 8_000, 15_000];

/**
 * Follows the stream at this address. `on.status` gets each document, `on.log` each entry, `on.opened` is called when a
 * stream begins, and `on.link` gets `{ connected, since, retryAt }` whenever that changes: `since` is when the last figures
 * came, or null.
 */
export function follow(address, on) {
  let stream = null;
  let tries = 0;
  let last = null;
  let silence = 0;
  let retry = 0;

  function open() {
    clearTimeout(retry);
    stream?.close();
    stream = new EventSource(address);
    const mine = stream;
    const ifMine = (run) => (event) => mine === stream && run(event);
    stream.addEventListener('open', ifMine(() => on.opened()));
    stream.addEventListener('status', ifMine((event) => {
      tries = 0;
      last = Date.now();
      listen();
      on.link({ connected: true, since: last, retryAt: null });
      on.status(JSON.parse(event.data));
    }));
    stream.addEventListener('log', ifMine((event) => on.log(JSON.parse(event.data))));
    // The browser's own reconnection gives up for good at the first answer that is not a stream: a server that is
    // full, a proxy whose service restarts. So it is ours.
    stream.addEventListener('error', ifMine(lost));
    listen();
  }

  function listen() {
    clearTimeout(silence);
    silence = setTimeout(lost, SILENCE);
  }

  function lost() {
    clearTimeout(silence);
    clearTimeout(retry);
    stream?.close();
    stream = null;
    const pause = PAUSES[Math.min(tries++, PAUSES.length - 1)];
    // Many pages that lost the same server do not come back in the same moment.
    const wait = pause * (0.75 + Math.random() / 2);
    on.link({ connected: false, since: last, retryAt: Date.now() + wait });
    retry = setTimeout(open, wait);
  }

  open();
  return { now: open };
}
