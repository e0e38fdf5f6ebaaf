// The page's client of the agent's HTTP API: JSON, live events, and streamed answers.
// Out of scope: what is done with them.

// Stamps are 64-bit nanoseconds, which JSON.parse would round: long ones are kept as strings.
const LONG_STAMP = /"([a-z_]*_ns)":\s*(-?\d{16,})/g;
// A status comes every second. Without any event for this long, the connection is dead.
const SILENCE_MS = 8000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5000;

export const parse = (text) => JSON.parse(text.replace(LONG_STAMP, '"$1":"$2"'));

// A refusal by the server, or no response at all (`status` 0).
export class WireError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

async function refusal(response) {
  let message = `the agent responded with status ${response.status}`;
  try {
    message = parse(await response.text()).error?.message ?? message;
  } catch {
    // Not JSON: something between the page and the agent responded.
  }
  return new WireError(message, response.status);
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new WireError("the agent can't be reached");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

// A JSON document; raises a WireError if there is none.
export async function getJson(path, timeoutMs = 15000) {
  const response = await request(path, { signal: AbortSignal.timeout(timeoutMs) });
  return parse(await response.text());
}

// Sends a JSON document and returns the one that comes back; raises a WireError if there is none.
export async function send(method, path, body, timeoutMs = 30000) {
  const response = await request(path, {
    method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  return parse(await response.text());
}

export const get = (path, options) => request(path, options);

// Parses server-sent events: takes pieces of text, and calls back with each event.
export function eventParser(onEvent) {
  let rest = "";
  let name = "message";
  let data = [];
  return (piece) => {
    rest += piece;
    let end;
    while ((end = rest.search(/\r\n|\n|\r(?!$)/)) >= 0) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + (rest.startsWith("\r\n", end) ? 2 : 1));
      if (!line) {
        if (data.length) onEvent(name, data.join("\n"));
        [name, data] = ["message", []];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") name = value;
      else if (field === "data") data.push(value);
    }
  };
}

// Asks, calls `onPiece` with each piece of the reply, and returns the answer. Aborting `signal` stops
// the model.
export async function ask({ id, question, choices, atNs }, onPiece, signal) {
  let body = JSON.stringify({ id, question, choices, stream: true });
  if (atNs) body = `${body.slice(0, -1)},"at_ns":${/^-?\d+$/.exec(String(atNs))[0]}}`;
  const response = await request("/api/ask", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body,
    signal,
  });
  let answer = null;
  let problem = null;
  const feed = eventParser((name, text) => {
    const value = parse(text);
    if (name === "piece") onPiece(value.text);
    else if (name === "answer") answer = value;
    else if (name === "error") problem = new WireError(value.error?.message ?? "no reason given");
  });
  try {
    for await (const piece of decoded(response.body)) feed(piece);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new WireError("the connection was lost before the answer was complete; ask again");
  }
  if (answer) return answer;
  throw problem ?? new WireError("the connection was closed before the answer; ask again");
}

async function* decoded(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

// The live events. `on` maps names of events to functions. Besides the server's events, `state` is
// called with "live" or "away" and, when away, the reason. Reconnects as long as the page is open.
export class Live {
  constructor(url, names, on) {
    this.url = url;
    this.names = names;
    this.on = on;
    this.retryMs = FIRST_RETRY_MS;
    this.state = "";
    this.open();
  }

  open() {
    this.source?.close();
    const source = (this.source = new EventSource(this.url));
    source.onopen = () => {
      this.retryMs = FIRST_RETRY_MS;
      this.watch();
      this.tell("live");
    };
    source.onerror = () => this.lost();
    for (const name of this.names) {
      source.addEventListener(name, (event) => {
        this.watch();
        this.on[name](parse(event.data));
      });
    }
    this.watch();
  }

  watch() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.lost(), SILENCE_MS);
  }

  // Closes this connection and opens a new one later. The page then reloads what it shows, as the
  // agent may have been restarted.
  lost() {
    this.source.close();
    clearTimeout(this.silence);
    clearTimeout(this.retry);
    this.tell("away", "The agent can't be reached.");
    const wait = this.retryMs * (0.75 + Math.random() / 2);
    this.retryMs = Math.min(LAST_RETRY_MS, this.retryMs * 2);
    this.retry = setTimeout(() => this.probe(), wait);
  }

  // An EventSource doesn't say why it failed; a plain request does.
  async probe() {
    try {
      await getJson("/api/status", 5000);
      this.open();
    } catch (error) {
      this.lost();
      if (error.status) this.tell("away", `The agent refused: ${error.message}.`);
    }
  }

  tell(state, why = "") {
    if (state === this.state && why === this.why) return;
    [this.state, this.why] = [state, why];
    this.on.state(state, why);
  }
}
