// A model provider that plays recorded exchanges, over HTTP, or over TLS with a certificate of its own.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { project } from './daemon.mjs';

let certificate;
/** A throw-away certificate for 127.0.0.1, its own authority: {file, cert, key}. */
export function authority() {
  if (certificate) return certificate;
  const folder = project();
  const [file, keyFile] = [join(folder, 'ca.pem'), join(folder, 'key.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-out', file, '-keyout', keyFile],
  { stdio: 'ignore' });
  return (certificate = { file, cert: readFileSync(file), key: readFileSync(keyFile) });
}

/**
 * `exchanges`: {"POST /v1/chat/completions": answer, ...}; an answer is {status?, headers?, body? (JSON), text?, cut?
 * (bytes a write), pause? (milliseconds between events), hold? (say nothing more, and do not close), drop? (break the connection off)}, or a function of the request that gives (or promises) one.
 * Gives {url, heard: [{method, path, headers, body, raw}], closed (promise of the first connection that the client closes), stop()}.
 */
export async function provider(exchanges, { tls = false } = {}) {
  const heard = [];
  let tellClosed;
  const closed = new Promise((done) => (tellClosed = done));
  const answerTo = async (req, res) => {
    let text = '';
    for await (const piece of req.setEncoding('utf8')) text += piece;
    const request = { raw: req, method: req.method, path: req.url, headers: req.headers, body: text ? JSON.parse(text) : undefined };
    heard.push(request);
    res.on('close', () => res.writableEnded || tellClosed());
    let answer = exchanges[`${req.method} ${req.url}`] ?? { status: 404, body: { error: { message: `no ${req.url}` } } };
    if (typeof answer === 'function') answer = await answer(request);
    const bytes = Buffer.from(answer.text ?? JSON.stringify(answer.body ?? null));
    res.writeHead(answer.status ?? 200, { 'content-type': answer.text ? 'text/event-stream' : 'application/json', ...answer.headers });
    const step = answer.cut ?? bytes.length;
    if (answer.pause)
      for (const event of answer.text.split(/(?<=\n\n)/)) {
        if (res.destroyed) return;
        res.write(event);
        await new Promise((done) => setTimeout(done, answer.pause));
      }
    else for (let at = 0; at < bytes.length; at += step) {
      res.write(bytes.subarray(at, at + step));
      if (answer.cut) await new Promise((done) => setImmediate(done));
    }
    if (answer.drop) setTimeout(() => req.socket.destroy(), 50);
    else if (!answer.hold) res.end();
  };
  const server = tls ? https.createServer(authority(), answerTo) : http.createServer(answerTo);
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`,
    heard,
    closed,
    stop() {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}

/** The events of a streamed chat completion that says these texts. */
export function completion(...texts) {
  const events = texts.map((content) => ({ choices: [{ index: 0, delta: { content } }] }));
  events.push({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
  return events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('') + 'data: [DONE]\n\n';
}
