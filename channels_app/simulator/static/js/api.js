/** The control API and the live socket, as the page uses them. */

const RETRY_AFTER_MS = 1000;

/** Ask the control API; throws an Error whose message may be shown. */
export async function ask(method, path, fields) {
  const answer = await fetch(`/simulator${path}`, {
    method,
    headers: fields ? { "Content-Type": "application/json" } : {},
    body: fields ? JSON.stringify(fields) : undefined,
  });
  if (answer.status === 204) return null;
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? `The simulator answered ${answer.status}.`);
  return body;
}

/**
 * Listen to everything that happens, for ever.
 * `onOpen` runs after each connect, since events of the gap were missed; `onLost` when it breaks.
 */
export function listen({ onOpen, onEvent, onLost }) {
  const socket = new WebSocket(`ws://${location.host}/simulator/socket`);
  socket.addEventListener("message", ({ data }) => {
    const event = JSON.parse(data);
    if (event.kind === "hello") onOpen();
    else onEvent(event);
  });
  socket.addEventListener("close", () => {
    onLost();
    setTimeout(() => listen({ onOpen, onEvent, onLost }), RETRY_AFTER_MS);
  });
}
