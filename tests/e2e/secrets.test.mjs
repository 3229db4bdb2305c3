// Secrets that are marked, in every place where one can stand: what the daemon prints, stores, answers and exports has none of
// them, whatever a service does with the one it is given.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { build, genkitctl, project, run, start, until } from './lib/daemon.mjs';
import { collector } from './lib/collector.mjs';

const mark = 'CANARY';
let count = 0;
/** A secret that is met nowhere else: also its parts are looked for, and what it is in base64. */
const secret = (name) => `${mark}${String(++count).padStart(2, '0')}${name}-x8Kq/+7w==`;

/** A service that says all it was told: in an error, in an answer that is none, or in the middle of a stream. */
async function gossip() {
  let heard = '';
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const data of request.setEncoding('utf8')) body += data;
    const { authorization = '' } = request.headers;
    const told = JSON.stringify({ headers: request.headers, raw: request.rawHeaders, url: request.url, decoded: decodeURIComponent(request.url),
      plain: Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString() });
    heard += told;
    const manner = /manner (\w+)/.exec(body)?.[1];
    if (manner === 'page') response.writeHead(500, { 'content-type': 'text/html' }).end(`<h1>${told}</h1>`);
    else if (manner === 'nonsense') response.writeHead(200, { 'content-type': 'application/json' }).end(told + '}');
    else if (manner === 'stream') response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`data: {"error": {"message": ${JSON.stringify(told)}, "code": 500}}\n\ndata: ${told}}\n\n`);
    else if (manner === 'redirect') response.writeHead(302, { location: `/${encodeURIComponent(told)}` }).end(told);
    else response.writeHead(401, { 'content-type': 'application/json', 'x-told': encodeURIComponent(told) }).end(JSON.stringify({ type: 'error', error: { type: 'authentication_error', message: told, details: [told] }, errors: [{ message: told }], message: told }));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { host: `127.0.0.1:${server.address().port}`, heard: () => heard, stop: () => (server.closeAllConnections(), new Promise((done) => server.close(done))) };
}

const manners = ['json', 'page', 'nonsense', 'stream', 'redirect'];
const vendors = (host, keys) => {
  // An address with a user, a password and a query is a secret as well.
  const url = (path = '') => `http://user:${encodeURIComponent(keys.password)}@${host}${path}?token=${encodeURIComponent(keys.query)}`;
  const own = { debug_traces: true, break_after: 1000 };
  return {
    openai: { api_key: '${OPENAI}', base_url: url('/v1'), ...own },
    anthropic: { api_key: keys.anthropic, base_url: url(), ...own },
    googleai: { api_key: keys.googleai, base_url: url(), ...own },
    mistral: { api_key: '${file:mistral.key}', base_url: url('/v1'), ...own },
    ollama: { base_url: url(), headers: { 'X-Pass': keys.ollama }, ...own },
    'cloudflare-workers-ai': { api_key: keys.cloudflare, account_id: 'a', base_url: url(), ...own },
    compat: [{ name: 'zoo', base_url: url('/v1'), api_key: keys.compat, headers: { 'X-More': keys.header }, ...own }],
  };
};
const models = ['openai/gpt-4o', 'anthropic/claude-sonnet-4-5', 'googleai/gemini-2.5-flash', 'mistral/mistral-small-latest', 'ollama/llama3.2', 'cloudflare-workers-ai/@cf/meta/llama-3.1-8b-instruct', 'zoo/lion'];

describe('a secret', () => {
  const names = ['openai', 'anthropic', 'googleai', 'mistral', 'ollama', 'cloudflare', 'compat', 'header', 'password', 'query', 'caller', 'admin', 'wrong', 'langfuse', 'otlp', 'exporturl', 'call', 'cookie'];
  const keys = Object.fromEntries(names.map((name) => [name, secret(name)]));
  const heard = []; // [where, text]
  let service, sink, gone, daemon, cwd;
  const hear = (where, text) => (heard.push([where, text]), text);
  const fetchText = async (where, path, { headers = {}, ...options } = {}) => {
    const response = await fetch(`http://${where}${path}`, { ...options, headers });
    const text = await response.text();
    hear(`${options.method ?? 'GET'} ${path}`, `${response.status} ${JSON.stringify([...response.headers])} ${text}`);
    return { status: response.status, text };
  };
  const bearer = (key) => ({ authorization: `Bearer ${key}`, 'content-type': 'application/json' });

  before(async () => {
    service = await gossip();
    sink = await collector();
    gone = await collector();
    await gone.stop(); // nobody answers there
    cwd = project({ 'mistral.key': keys.mistral });
    writeFileSync(join(cwd, 'genkitd.yaml'), JSON.stringify({
      server: { listen: '127.0.0.1:0', auth: 'api_key', api_keys: [keys.caller], admin_keys: [keys.admin] },
      log: { level: 'debug', spans: 'full' },
      plugins: vendors(service.host, keys),
      telemetry: { export: [
        { backend: 'langfuse', delay: '20ms', options: { langfuse_host: sink.url, langfuse_public_key: 'p', langfuse_secret_key: keys.langfuse } },
        { endpoint: `${sink.url}/v1/traces`, delay: '20ms', headers: { 'X-Key': keys.otlp } },
        { endpoint: `${gone.url.replace('//', `//user:${encodeURIComponent(keys.exporturl)}@`)}/v1/traces?key=${encodeURIComponent(keys.exporturl)}`, delay: '20ms' },
      ] },
    }));
    daemon = await start({ cwd, modules: ['inn'], args: ['--module', join(build, 'examples/ask.so'), '--config', join(cwd, 'genkitd.yaml')],
      set: { 'server.listen': undefined }, env: { OPENAI: keys.openai } });
  });
  after(() => Promise.all([service?.stop(), sink?.stop()]));

  it('is given to services that tell it to everybody', async () => {
    for (const model of models)
      for (const manner of manners)
        for (const accept of ['application/json', 'text/event-stream']) {
          const { status, text } = await fetchText(daemon.flows, '/ask', { method: 'POST', body: JSON.stringify({ data: { model, question: `manner ${manner}` } }),
            headers: { ...bearer(keys.caller), accept, cookie: `session=${keys.cookie}` } });
          assert.ok(status >= 400 || /error/.test(text), `${model} ${manner}: ${status} ${text}`);
        }
    await fetchText(daemon.reflection, '/api/actions');
    for (const name of ['openai', 'anthropic', 'googleai', 'mistral', 'ollama', 'cloudflare', 'compat', 'header', 'password', 'query'])
      assert.ok(service.heard().includes(keys[name]), name);
  });
  it('is in the configuration of a call', async () => {
    for (const model of models)
      await fetchText(daemon.reflection, '/api/runAction', { method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ key: `/model/${model}`, input: { messages: [{ role: 'user', content: [{ text: 'manner page' }] }], config: { apiKey: keys.call } } }) });
    assert.ok(service.heard().includes(keys.call));
  });
  it('opens the doors of the flow server, or does not', async () => {
    const turn = (key) => fetchText(daemon.flows, '/agents/inn', { method: 'POST', headers: bearer(key), body: JSON.stringify({ data: { message: { role: 'user', content: [{ text: 'Hello?' }] } } }) });
    assert.equal((await turn(keys.caller)).status, 200);
    assert.equal((await turn(keys.wrong)).status, 403);
    assert.equal((await fetchText(daemon.flows, `/ask?key=${keys.wrong}`, { method: 'POST', headers: bearer(keys.wrong), body: '{}' })).status, 403);
    for (const [method, path] of [['GET', '/metrics'], ['GET', '/api/traces?limit=1000'], ['GET', '/api/logs'], ['POST', '/api/sessions/list'], ['GET', '/api/store']]) {
      assert.notEqual((await fetchText(daemon.flows, path, { method, headers: bearer(keys.admin), body: method === 'POST' ? '{}' : undefined })).status, 401, path);
      await fetchText(daemon.flows, path, { method, headers: bearer(keys.wrong), body: method === 'POST' ? '{}' : undefined });
    }
  });
  it('is not in a trace, as it is read and as it leaves', async () => {
    const { traces } = JSON.parse((await fetchText(daemon.reflection, '/api/traces?limit=1000')).text);
    assert.ok(traces.length >= models.length * manners.length, String(traces.length));
    for (const { traceId } of traces) await fetchText(daemon.reflection, `/api/traces/${traceId}`);
    for (const words of [['traces'], ['traces', 'export'], ['actions'], ['trace'], ['sessions']]) {
      const { stdout, stderr } = await run(genkitctl, ['--url', `http://${daemon.reflection}`, ...words]);
      hear(`genkitctl ${words.join(' ')}`, stdout + stderr);
    }
    const wrong = await run(genkitctl, ['--url', `http://${daemon.flows}`, 'traces'], { env: { GENKITD_KEY: keys.wrong } });
    hear('genkitctl with the wrong key', wrong.stdout + wrong.stderr);
    await sink.arrived((r) => r.headers['x-key'] === keys.otlp, 'the spans at their collector');
    await until(() => /trying again/.test(daemon.stderr()), 'that the other collector is gone is logged');
  });
  it('is nowhere', async () => {
    await daemon.stop();
    hear('the log', daemon.stderr());
    for (const { path, body } of sink.requests) hear(`what was sent to ${path}`, body.toString('latin1'));
    const files = (folder) => readdirSync(folder).map((name) => join(folder, name)).flatMap((path) => (statSync(path).isDirectory() ? files(path) : [path]));
    const stored = files(cwd).filter((path) => !/genkitd\.yaml$|mistral\.key$/.test(path));
    assert.ok(stored.some((path) => /\.db$|sqlite/.test(path)), stored.join(' '));
    for (const path of stored) hear(`the file ${path}`, readFileSync(path).toString('latin1'));
    const printed = await run(join(build, 'genkitd'), ['--config', join(cwd, 'genkitd.yaml'), '--check-config'], { cwd, env: { OPENAI: keys.openai } });
    hear('the configuration as it is printed', printed.stdout + printed.stderr);

    const leaks = [];
    for (const [where, text] of heard)
      for (const [name, key] of Object.entries(keys))
        for (const form of [key, encodeURIComponent(key), JSON.stringify(key).slice(1, -1), Buffer.from(key).toString('base64').slice(0, -4), key.slice(0, 12)])
          if (text.includes(form)) {
            const at = text.indexOf(form);
            leaks.push(`${name} in ${where}: ...${text.slice(Math.max(0, at - 80), at + 60)}`);
            break;
          }
    assert.deepEqual([...new Set(leaks)].slice(0, 20), [], `${leaks.length} leaks`);
  });
});
