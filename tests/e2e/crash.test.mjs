// Durability: every answer that a client has received in full has its complete trace, whenever the daemon is killed.
// CRASH_ROUNDS (3) times; `make crash` asks for 200.
import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, it } from 'node:test';
import { project, slack, start } from './lib/daemon.mjs';

const rounds = Number(process.env.CRASH_ROUNDS ?? 3);
const clients = 50;

function ask(agent, at, method, path, body) {
  const [host, port] = at.split(':');
  return new Promise((done, fail) => {
    const text = body && JSON.stringify(body);
    const request = http.request({ agent, host, port, method, path, headers: text ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) } : {} }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (data) => (answer += data)).on('error', fail).on('aborted', () => fail(new Error('aborted')));
      response.on('end', () => (response.complete ? done(answer) : fail(new Error('cut'))));
    });
    request.on('error', fail);
    request.end(text);
  });
}

// A flow of two steps, the same streamed, and one that fails: [path, body, spans of its trace].
const kinds = [
  ['/api/runAction', { key: '/flow/steps', input: { text: 'one two three' } }, 3],
  ['/api/runAction?stream=true', { key: '/flow/steps', input: { text: 'one two three' } }, 3],
  ['/api/runAction', { key: '/flow/fail', input: {} }, 1],
];

/** One client, until the daemon has gone. What it was told in full goes to `told`: trace id and how many spans it has. */
async function client(number, at, told, until) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const [path, body, spans] = kinds[number % kinds.length];
  try {
    while (!until.reached) {
      const answer = JSON.parse(await ask(agent, at, 'POST', path, body));
      const trace = answer.telemetry?.traceId ?? answer.error?.details?.traceId;
      assert.ok(trace, `an answer without a trace: ${JSON.stringify(answer)}`);
      told.push([trace, spans]);
    }
  } catch (error) {
    if (!until.reached) throw error; // it should not have failed yet
  } finally {
    agent.destroy();
  }
}

async function verify(at, told) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const missing = [];
  await Promise.all(told.map(async ([id, spans]) => {
    const text = await ask(agent, at, 'GET', `/api/traces/${id}`);
    const trace = text ? JSON.parse(text) : { spans: {} };
    const ended = Object.values(trace.spans).filter((span) => span.endTime > 0);
    if (ended.length !== spans || Object.keys(trace.spans).length !== spans || !(trace.endTime > 0)) missing.push([id, text]);
  }));
  const check = JSON.parse(await ask(agent, at, 'POST', '/api/store/check'));
  agent.destroy();
  assert.deepEqual(missing, [], `${missing.length} of ${told.length} answers without their complete trace`);
  assert.deepEqual(check, { ok: true, messages: [] });
}

describe('a daemon that is killed', () => {
  it(`loses no trace of an answer that was given, ${rounds} times`, { timeout: (20000 + rounds * 10000) * slack }, async () => {
    const cwd = project();
    let told = [], all = 0;
    for (let round = 0; round <= rounds; round++) {
      const daemon = await start({ cwd, modules: ['demo'], set: { 'log.level': 'error', 'server.idle_timeout': '1h' } });
      await verify(daemon.reflection, told);
      if (round === rounds) {
        await daemon.stop();
        break;
      }
      told = [];
      const until = { reached: false };
      const running = Promise.all(Array.from({ length: clients }, (_, i) => client(i, daemon.reflection, told, until)));
      await new Promise((done) => setTimeout(done, 50 + Math.random() * 450));
      until.reached = true;
      daemon.child.kill('SIGKILL');
      await Promise.all([running, daemon.exited]);
      all += told.length;
    }
    assert.ok(all > rounds * clients, `only ${all} answers`);
    console.log(`# ${all} answers, ${rounds} kills`);
  });
});
