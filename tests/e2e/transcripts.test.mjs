// Every recorded answer of the JavaScript SDK, byte for byte but for ids and stacks, and for what genkitd answers
// differently on purpose (docs/decisions): those stand in `amended`, each with its reason.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/daemon.mjs';
import { request } from './lib/raw.mjs';
import { load, names, normal } from './lib/transcript.mjs';

const code3 = { why: 'an input that does not fit is INVALID_ARGUMENT in both modes', body: (b) => b.replace('"code":13', '"code":3') };
const sameButFor = (why, recorded, change) => ({
  why,
  check(body) {
    const lines = (text) => text.trim().split('\n').map((line) => { const { telemetry, ...rest } = JSON.parse(line); return rest; });
    const ours = lines(body), theirs = lines(load(recorded).answer.body);
    for (const all of [ours, theirs]) if (all.at(-1).result) change(all.at(-1).result);
    assert.deepEqual(ours, theirs);
  },
});
const latency = (result) => { assert.ok(JSON.stringify(result.latencyMs)); delete result.latencyMs; };
const ownText = (code, why) => ({
  why,
  check(body) {
    const { error } = JSON.parse(body);
    assert.equal(error.code, code);
    assert.ok(error.message.length > 10, error.message);
    assert.equal(typeof error.details.stack, 'string');
  },
});
const amended = {
  'v1-run-invalid-input': code3,
  'v1-run-invalid-input-extra': code3,
  'v1-run-invalid-input-missing': code3,
  'v1-run-invalid-input-null': code3,
  'v1-run-custom-bad': code3,
  'v1-run-missing-key': ownText(3, 'a missing key is INVALID_ARGUMENT with a clear text'),
  'v1-run-array-body': ownText(3, 'likewise'),
  'v1-run-empty-body': ownText(3, 'likewise'),
  'v1-run-key-not-string': ownText(3, 'likewise'),
  'v1-run-malformed': ownText(3, 'the text of another parser'),
  'v1-run-scalar-body': ownText(3, 'the text of another parser'),
  'v1-quit-post': { why: 'GET and POST both end the daemon', status: 200, check: (body) => assert.equal(body, 'OK') },
  'v1-run-bgmodel': {
    why: 'latencyMs is a time',
    check(body) {
      const { latencyMs, ...result } = JSON.parse(body).result;
      assert.ok(latencyMs >= 0);
      assert.deepEqual(result, { id: 'op1', done: false, action: '/background-model/demo/bg' });
    },
  },
  'v1-run-model': sameButFor('latencyMs is a time', 'v1-run-model', latency),
  'v1-stream-model': sameButFor('latencyMs is a time', 'v1-stream-model', latency),
  'v1-run-prompt': sameButFor('a schema in C is JSON Schema, so that jsonSchema is there, too', 'v1-run-prompt', (it) => delete it.output.jsonSchema),
  'v1-run-executable-prompt': sameButFor("the recording has the innards of the SDK's schema", 'v1-run-executable-prompt', (it) => delete it.output.schema),
  'v1-run-wrong-ctype': { why: 'JSON is read whatever its type', check: (body) => assert.equal(JSON.parse(body).result.message, 'hello Ann') },
  'v1-values-middleware': {
    why: 'the middleware that comes along is always there',
    check: (body) => assert.equal(JSON.parse(body).retry.name, 'retry'),
  },
  'flow-malformed': { why: 'JSON, not HTML', status: 400, check: (body) => assert.equal(JSON.parse(body).status, 'INVALID_ARGUMENT') },
  'flow-nobody': { why: 'an empty body is an absent input', status: 400, check: (body) => assert.equal(JSON.parse(body).status, 'INVALID_ARGUMENT') },
  'flow-wrong-ctype': { why: 'JSON is read whatever its type: curl sends another', status: 200, check: (body) => assert.equal(body, '{"result":{"message":"hello A"}}') },
  'flow-get': { why: 'JSON, not HTML', check: (body) => assert.equal(JSON.parse(body).status, 'NOT_FOUND') },
  'flow-unknown': { why: 'JSON, not HTML', check: (body) => assert.equal(JSON.parse(body).status, 'NOT_FOUND') },
  'flow-stream-void': { why: 'the client throws on {}', body: (b) => b.replace('data: {}', 'data: {"result":null}') },
};
// Not replayed here, each with the place where it is tested.
const elsewhere = {
  'v1-quitquitquit': 'ends the daemon: lifecycle.test.mjs',
  'v1-quit-post': 'ends the daemon: lifecycle.test.mjs',
  'v1-health-id-ok': 'needs the id of this process: reflection.test.mjs',
  'v1-run-optional-scalar-undefined': 'an absent optional input is valid: reflection.test.mjs',
  'v1-stream-ok-raw-bytes': 'framing: reflection.test.mjs',
  'v1-run-dap': 'schemas of the recording are no JSON Schemas: reflection.test.mjs',
};

async function replay(where, name) {
  const { method, path, headers, body, answer } = load(name);
  const how = amended[name] ?? {};
  const got = await request(where, method, path, { headers, body });

  assert.equal(got.status, how.status ?? answer.status);
  if (how.check) return how.check(got.body);
  for (const [header, value] of answer.headers) {
    const lower = header.toLowerCase();
    if (lower.startsWith('x-genkit')) {
      const ours = got.headers.find(([n]) => n.toLowerCase() === lower);
      assert.ok(ours, `${header} is missing`);
      assert.equal(ours[0], lower.endsWith('-version') ? ours[0] : header);
      if (!lower.endsWith('-version')) assert.equal(normal(ours[1]), normal(value));
    } else if (lower === 'content-type' && value.startsWith('application/json')) {
      assert.match(got.get('content-type') ?? '', /^application\/json/);
    } else if (lower === 'allow') {
      assert.equal(got.get('allow'), value);
    }
  }
  if (answer.status === 404 && answer.body.startsWith('<!DOCTYPE')) {
    assert.ok(got.body.includes(/<pre>(.*)<\/pre>/.exec(answer.body)[1]), got.body);
    return;
  }
  if (method === 'HEAD') return assert.equal(got.rest, '');
  // The file keeps the blank line that ends an event stream; how many there are is the framing test's business.
  assert.equal(normal(got.body).trimEnd(), normal(how.body ? how.body(answer.body) : answer.body).trimEnd());
}

describe('reflection v1 answers as recorded', () => {
  let daemon;
  before(async () => (daemon = await start({ modules: ['testapp', 'testmodels'] })));
  after(() => daemon.stop());
  for (const name of names('v1-').filter((n) => !elsewhere[n])) it(name, () => replay(daemon.reflection, name));
});

describe('the actions are described as recorded', () => {
  let daemon, ours;
  before(async () => {
    daemon = await start({ modules: ['testapp', 'testmodels'] });
    ours = JSON.parse((await request(daemon.reflection, 'GET', '/api/actions')).body);
  });
  after(() => daemon.stop());
  // Long schemas stand as "..." in the recording: the conformance vectors have them.
  const recorded = JSON.parse(readFileSync(new URL('transcripts/actions.json', import.meta.url), 'utf8'));
  const compare = (actual, expected) => {
    if (expected === '...') return assert.equal(typeof actual, 'object');
    if (typeof expected !== 'object' || expected === null) return assert.deepEqual(actual, expected);
    assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort());
    for (const key of Object.keys(expected)) compare(actual[key], expected[key]);
  };
  for (const key of Object.keys(recorded)) it(key, () => compare(ours[key], recorded[key]));
});

describe('the flow server answers as recorded', () => {
  let plain, durable, secured;
  before(async () => {
    plain = await start();
    durable = await start({ set: { 'server.durable_streams': 'true' } });
    secured = await start({ set: { 'server.auth': 'api_key', 'server.api_keys': ['secret'] } });
  });
  after(() => Promise.all([plain, durable, secured].map((d) => d.stop())));

  for (const name of names('flow-').filter((n) => !n.startsWith('flow-auth') && !n.startsWith('flow-durable')))
    it(name, () => replay(plain.flows, name));
  for (const name of names('flow-auth')) it(name, () => replay(secured.flows, name));
  it('flow-durable-unknown', () => replay(durable.flows, 'flow-durable-unknown'));
  for (const [first, again] of [['flow-durable', 'flow-durable-reconnect'], ['flow-durable-throw', 'flow-durable-throw-reconnect']])
    it(`${first}, then ${again}`, async () => {
      await replay(durable.flows, first);
      const one = load(first);
      const run = await request(durable.flows, one.method, one.path, one);
      const two = load(again);
      const id = run.get('x-genkit-stream-id');
      assert.match(id, /^[0-9a-f-]{36}$/);
      const replayed = await request(durable.flows, two.method, two.path, { ...two, headers: { ...two.headers, 'x-genkit-stream-id': id } });
      assert.equal(replayed.body, run.body);
      assert.equal(replayed.get('x-genkit-stream-id'), id);
    });
});
