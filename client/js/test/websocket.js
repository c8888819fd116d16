// The WebSocket that tests run over: Node's own, or that of ws where Node has none
// (npm ci --prefix bench/peers/ws).

export async function findWebSocket() {
  return globalThis.WebSocket ?? findWs();
}

export async function findWs() {
  try {
    const ws = new URL('../../../bench/peers/ws/node_modules/ws/wrapper.mjs', import.meta.url);
    return (await import(ws)).WebSocket;
  } catch {
    return undefined;
  }
}
