// Stands in for those who take telemetry: a collector of OpenTelemetry's, or the telemetry server of Genkit's tools.
import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { until } from './daemon.mjs';

/** Collects what is posted: {url, requests: [{path, headers, body, json}], answers: [[status, headers]], stop()}. */
export async function collector({ port = 0 } = {}) {
  const self = { requests: [], answers: [] };
  const server = createServer((request, response) => {
    const parts = [];
    request.on('data', (data) => parts.push(data));
    request.on('end', () => {
      let body = Buffer.concat(parts);
      if (request.headers['content-encoding'] === 'gzip') body = gunzipSync(body);
      const json = /json/.test(request.headers['content-type'] ?? '') && body.length ? JSON.parse(body) : undefined;
      self.requests.push({ method: request.method, path: request.url, headers: request.headers, body, json });
      const [status, headers] = self.answers.shift() ?? [200, {}];
      response.writeHead(status, headers);
      response.end(status === 200 ? '{}' : '');
    });
  });
  await new Promise((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));
  self.port = server.address().port;
  self.url = `http://127.0.0.1:${self.port}`;
  self.to = (path) => self.requests.filter((r) => r.path === path);
  self.arrived = (test, what) => until(() => self.requests.some(test), what);
  self.stop = () => new Promise((done) => {
    server.close(done);
    server.closeAllConnections();
  });
  return self;
}

/** Every span of OTLP requests as JSON, attributes as an object. */
export function spans(requests) {
  return requests.flatMap((r) => r.json.resourceSpans).flatMap((r) => r.scopeSpans).flatMap((s) => s.spans)
    .map((span) => ({ ...span, attributes: attributes(span.attributes) }));
}

export function attributes(list = []) {
  return Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]));
}

/** A protobuf message as [[field, value]]: buffers for what has a length, numbers or bigints else. */
export function fields(buffer) {
  const found = [];
  let at = 0;
  const varint = () => {
    let value = 0n, shift = 0n;
    for (;;) {
      const byte = buffer[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
      shift += 7n;
    }
  };
  while (at < buffer.length) {
    const tag = Number(varint()), field = tag >> 3;
    if ((tag & 7) === 0) found.push([field, varint()]);
    else if ((tag & 7) === 1) found.push([field, buffer.readBigUInt64LE((at += 8) - 8)]);
    else if ((tag & 7) === 5) found.push([field, buffer.readUInt32LE((at += 4) - 4)]);
    else if ((tag & 7) === 2) {
      const length = Number(varint());
      found.push([field, buffer.subarray(at, (at += length))]);
    } else throw new Error(`wire type ${tag & 7}`);
  }
  return found;
}

/** What is at a path of field numbers, all of them: at(message, 1, 2, 2) are the spans of a request. */
export function at(buffer, ...path) {
  return path.reduce((messages, number) => messages.flatMap((m) => fields(m).filter(([f]) => f === number).map(([, v]) => v)), [buffer]);
}
