// HTTP as bytes: sends exactly what it is given and takes the answer apart itself, so that nothing is smoothed over.
import { connect } from 'node:net';

export function address(text) {
  if (text.startsWith('unix:')) return { path: text.slice(5) };
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}

/** Sends bytes and collects everything until the peer closes, or `enough(text)` says so. */
export function exchange(where, bytes, { enough = () => false, timeout = 60000, half = false } = {}) {
  return new Promise((done, fail) => {
    const socket = connect(address(where));
    const parts = [];
    const timer = setTimeout(() => finish(new Error(`no end of answer within ${timeout} ms: ${Buffer.concat(parts)}`)), timeout);
    function finish(error) {
      clearTimeout(timer);
      socket.destroy();
      if (error) fail(error);
      else done(Buffer.concat(parts).toString('latin1'));
    }
    socket.on('connect', () => (half ? socket.end(bytes) : socket.write(bytes)));
    socket.on('data', (data) => {
      parts.push(data);
      if (enough(Buffer.concat(parts).toString('latin1'))) finish();
    });
    socket.on('end', () => finish());
    socket.on('error', (error) => (parts.length ? finish() : finish(error)));
  });
}

/** Takes one answer apart: {status, reason, headers: [[name, value]], body, chunks?}; undefined while it is not whole. */
export function parse(text, { head = false } = {}) {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [line, ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 1).trim()]);
  const get = (name) => headers.find(([n]) => n.toLowerCase() === name)?.[1];
  const [, status, reason] = /^HTTP\/1\.[01] (\d+) ?(.*)$/.exec(line);
  let rest = text.slice(end + 4);
  const result = { status: Number(status), reason, headers, get, body: '' };
  if (head || status === '204') return { ...result, rest };
  if (get('transfer-encoding') === 'chunked') {
    result.chunks = [];
    for (;;) {
      const eol = rest.indexOf('\r\n');
      if (eol < 0) return undefined;
      const size = parseInt(rest.slice(0, eol), 16);
      if (rest.length < eol + 2 + size + 2) return undefined;
      if (size === 0) return { ...result, body: result.chunks.join(''), rest: rest.slice(eol + 4) };
      result.chunks.push(rest.slice(eol + 2, eol + 2 + size));
      rest = rest.slice(eol + 2 + size + 2);
    }
  }
  const length = Number(get('content-length') ?? NaN);
  if (Number.isNaN(length)) return { ...result, body: rest, rest: '' };
  if (rest.length < length) return undefined;
  return { ...result, body: rest.slice(0, length), rest: rest.slice(length) };
}

/** One request, one answer. */
export async function request(where, method, path, { headers = {}, body, timeout } = {}) {
  const lines = Object.entries({ Host: where.startsWith('unix:') ? 'localhost' : where, ...headers });
  if (body !== undefined) lines.push(['Content-Length', Buffer.byteLength(body)]);
  const bytes = `${method} ${path} HTTP/1.1\r\n${lines.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n${body ?? ''}`;
  const head = method === 'HEAD';
  return parse(await exchange(where, bytes, { enough: (text) => parse(text, { head }), timeout }), { head });
}

export const post = (where, path, value, headers = {}) =>
  request(where, 'POST', path, { headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(value) });
