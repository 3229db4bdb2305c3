// What the daemon must survive: random, cut off and hostile requests, from many at once. HOSTILE_MB says how much of it
// (20; by hand 200). After each kind it still serves, and at the end its memory is what it was.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { slack, start, until } from './lib/daemon.mjs';
import { address, exchange, parse, post, request } from './lib/raw.mjs';

const megabytes = Number(process.env.HOSTILE_MB ?? 20);

// A generator with a seed, so that a finding can be played again.
let seed = Number(process.env.HOSTILE_SEED ?? 1);
function random(n) {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return (seed >>> 8) % n;
}

/** Writes bytes, reads whatever comes, and closes in one of several rude ways. */
function rude(where, bytes, manner = random(4), wait = 300) {
  return new Promise((done) => {
    const socket = connect(address(where));
    let text = '';
    const end = () => { socket.destroy(); done(text); };
    socket.setTimeout(wait, end);
    socket.on('connect', () => {
      if (manner === 0) socket.end(bytes); // half-closed
      else if (manner === 1) socket.write(bytes, () => socket.resetAndDestroy?.() ?? socket.destroy());
      else socket.write(bytes);
    });
    socket.on('data', (d) => (text += d.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => done(text));
  });
}

const bodyOf = (value) => { const b = JSON.stringify(value); return `Content-Length: ${b.length}\r\n\r\n${b}`; };
const good = (where) => `POST /api/runAction HTTP/1.1\r\nHost: ${where}\r\n${bodyOf({ key: '/flow/greet', input: { name: 'x' } })}`;

describe('a hostile network', () => {
  let daemon, at, flows, memory;
  const serves = async () => {
    const answer = await post(at, '/api/runAction', { key: '/flow/greet', input: { name: 'still' } });
    assert.equal(JSON.parse(answer.body).result.message, 'hello still');
  };
  before(async () => {
    daemon = await start({ set: { 'server.header_timeout': '1s', 'server.body_timeout': '2s', 'server.idle_timeout': '3s' } });
    at = daemon.reflection;
    flows = daemon.flows;
    for (let i = 0; i < 50; i++) await serves();
    memory = daemon.rss();
  });
  after(async () => assert.deepEqual(await daemon.stop(), { code: 0, signal: null }));

  const refused = {
    'Content-Length beside Transfer-Encoding': (h) => `POST /greet HTTP/1.1\r\nHost: ${h}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'Content-Length twice': (h) => `POST /greet HTTP/1.1\r\nHost: ${h}\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`,
    'no Host': () => 'GET /healthz HTTP/1.1\r\n\r\n',
    'Host twice': (h) => `GET /healthz HTTP/1.1\r\nHost: ${h}\r\nHost: other\r\n\r\n`,
    'blank before the colon': (h) => `GET /healthz HTTP/1.1\r\nHost : ${h}\r\n\r\n`,
    'a length that is no number': (h) => `POST /greet HTTP/1.1\r\nHost: ${h}\r\nContent-Length: +2\r\n\r\n{}`,
    'an unknown transfer coding': (h) => `POST /greet HTTP/1.1\r\nHost: ${h}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    'a bare LF after the request line': (h) => `GET /healthz HTTP/1.1\nHost: ${h}\r\n\r\n`,
    'a bare LF after a header': (h) => `GET /healthz HTTP/1.1\r\nHost: ${h}\nX: 1\r\n\r\n`,
    'a bare LF at the end of the headers': (h) => `GET /healthz HTTP/1.1\r\nHost: ${h}\r\n\n`,
    'a folded header': (h) => `GET /healthz HTTP/1.1\r\nHost: ${h}\r\nX: 1\r\n 2\r\n\r\n`,
    'NUL in a header': (h) => `GET /healthz HTTP/1.1\r\nHost: ${h}\r\nX: 1\0\r\n\r\n`,
    'NUL in the target': (h) => `GET /healthz\0 HTTP/1.1\r\nHost: ${h}\r\n\r\n`,
    'NUL in the method': (h) => `GET\0 /healthz HTTP/1.1\r\nHost: ${h}\r\n\r\n`,
    'a chunk size that is no number': (h) => `POST /greet HTTP/1.1\r\nHost: ${h}\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\n{} \r\n0\r\n\r\n`,
  };
  for (const [name, bytes] of Object.entries(refused))
    it(`refuses ${name} and closes`, async () => {
      const answer = parse(await exchange(flows, bytes(flows)));
      assert.equal(answer.status, 400);
    });
  it('refuses headers that are too large', async () => {
    const text = await exchange(flows, `GET /healthz HTTP/1.1\r\nHost: ${flows}\r\nX: ${'a'.repeat(60000)}\r\n\r\n`);
    assert.equal(parse(text).status, 431);
    await serves();
  });
  it('closes on headers that never end', async () => {
    const t0 = performance.now();
    await exchange(flows, `GET /healthz HTTP/1.1\r\nHost: ${flows}\r\n`);
    assert.ok(performance.now() - t0 < 5000 * slack);
  });
  it('closes on a byte of a header now and then', async () => {
    const socket = connect(address(flows)).on('error', () => {});
    const closed = new Promise((r) => socket.on('close', r));
    socket.write(`GET /healthz HTTP/1.1\r\nHost: ${flows}\r\n\r\nGET /healthz HTTP/1.1\r\nX: `); // a good one before it
    const drip = setInterval(() => socket.write('a'), 50);
    const t0 = performance.now();
    await closed;
    clearInterval(drip);
    assert.ok(performance.now() - t0 < 5000 * slack);
  });
  it('answers a client that has closed its sending side', async () => {
    const bytes = `POST /greet HTTP/1.1\r\nHost: ${flows}\r\n${bodyOf({ data: { name: 'half' } })}`;
    let best = Infinity;
    for (let i = 0; i < 10 && best >= 1500; i++) {
      const t0 = performance.now();
      const answer = parse(await exchange(flows, bytes, { half: true }));
      best = Math.min(best, performance.now() - t0);
      assert.equal(JSON.parse(answer.body).result.message, 'hello half');
    }
    assert.ok(best < 1500, `${best} ms`); // and lets it go, long before the idle limit
  });
  it('closes on a body that never comes', async () => {
    await exchange(flows, `POST /greet HTTP/1.1\r\nHost: ${flows}\r\nContent-Length: 100\r\n\r\n{"da`);
    await serves();
  });
  it('refuses JSON that is too deep', async () => {
    const deep = `{"data":${'['.repeat(100000)}${']'.repeat(100000)}}`;
    const answer = await request(flows, 'POST', '/greet', { body: deep });
    assert.ok([400, 429].includes(answer.status), String(answer.status));
    await serves();
  });
  it('refuses a body beyond server.max_body with 413', async () => {
    const answer = parse(await exchange(flows, `POST /greet HTTP/1.1\r\nHost: ${flows}\r\nContent-Length: 999999999\r\n\r\n{`));
    assert.equal(answer.status, 413);
  });
  it('slow clients keep nobody waiting', async () => {
    const slow = Array.from({ length: 300 }, () => connect(address(flows)).on('error', () => {}));
    await Promise.all(slow.map((s) => new Promise((r) => s.on('connect', r))));
    for (const s of slow) s.write('GET /healthz HTT');
    const t0 = performance.now();
    for (let i = 0; i < 20; i++) await serves();
    assert.ok(performance.now() - t0 < 2000 * slack);
    await Promise.all(slow.map((s) => new Promise((r) => (s.destroyed ? r() : s.on('close', r)))));
  });
  it('5,000 connections at once', async () => {
    // A daemon of its own, with the usual time to send headers: a slow machine needs more than a second to connect them all.
    const patient = await start();
    const where = patient.reflection;
    const sockets = [];
    for (let i = 0; i < 5000; i += 500) {
      const some = Array.from({ length: 500 }, () => connect(address(where)));
      sockets.push(...some);
      await Promise.all(some.map((s) => new Promise((r) => s.on('connect', r).on('error', r))));
    }
    let answered = 0;
    await Promise.all(sockets.map((s) => new Promise((done) => {
      if (s.destroyed) return done();
      s.on('data', () => { answered++; s.destroy(); done(); }).on('close', done).on('error', done);
      s.write(good(where));
    })));
    assert.ok(answered > 4900, `${answered} answered`);
    assert.equal((await request(where, 'GET', '/api/__health')).status, 200);
    await patient.stop();
  });
  it(`${megabytes} MB of rubbish`, { timeout: 1800000 }, async (t) => {
    let sent = 0, n;
    const samples = []; // of memory, a hundred over the whole
    const tokens = ['GET ', 'POST ', ' HTTP/1.1\r\n', '\r\n', '\r\n\r\n', 'Host: x\r\n', 'Content-Length: ', 'Transfer-Encoding: chunked\r\n', '/api/runAction', '?stream=true', '{"key":', '"/flow/greet"', ',"input":', '{}', '\0', '\xff\xfe', '5\r\nhello\r\n', '0\r\n\r\n', 'ffffffffffffffff\r\n', ' : ', '%00', '../', '[[[[[[[[', '\\ud800', '1e999'];
    const kinds = [
      () => Buffer.from(Array.from({ length: 200 + random(60000) }, () => random(256))),
      () => Buffer.from(Array.from({ length: 5 + random(400) }, () => tokens[random(tokens.length)]).join(''), 'latin1'),
      () => { const g = good(at); return Buffer.from(g.slice(0, random(g.length))); },
      () => { const g = Buffer.from(good(at)); for (let i = 0; i < 3; i++) g[random(g.length)] = random(256); return g; },
      () => Buffer.from(good(at).repeat(1 + random(50))),
      () => Buffer.from(`POST /api/runAction?stream=true HTTP/1.1\r\nHost: ${at}\r\n${bodyOf({ key: '/flow/streamy', input: 5 })}`),
      () => Buffer.from(`GET /api/actions HTTP/1.1\r\nHost: ${at}\r\n${'X-Y: z\r\n'.repeat(random(5000))}\r\n`),
      () => Buffer.from(`POST /greet HTTP/1.1\r\nHost: ${flows}\r\n${bodyOf({ data: JSON.parse('['.repeat(n = 1 + random(3000)) + ']'.repeat(n)) })}`),
      () => Buffer.from(`POST /greet HTTP/1.1\r\nHost: ${flows}\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\n[\r\n'.repeat(random(5000))}0\r\n\r\n`),
      () => Buffer.from(`POST /greet HTTP/1.1\r\nHost: ${at}\r\nContent-Length: 100000\r\n\r\n${'{"a":'.repeat(random(15000))}`),
    ];
    while (sent < megabytes << 20) {
      await Promise.all(Array.from({ length: 40 }, () => {
        const bytes = kinds[random(kinds.length)]();
        sent += bytes.length;
        return rude(random(2) ? at : flows, bytes, random(4), 60);
      }));
      if (sent >= (samples.length * megabytes * 2 ** 20) / 100) samples.push(daemon.rss());
    }
    await serves();
    const most = (from, to) => Math.max(...samples.slice((samples.length * from) / 4, (samples.length * to) / 4));
    t.diagnostic(`memory in MB, a value for each quarter: ${[0, 1, 2, 3].map((i) => most(i, i + 1).toFixed(1)).join(', ')}`);
    if (!process.env.BUILD?.includes('sanitize')) assert.ok(most(3, 4) < most(0, 2) + 8, samples.map((x) => x.toFixed(0)).join(' '));
  });
  it('memory is flat and no connection is left', async () => {
    await until(async () => {
      await serves();
      return daemon.rss() < memory + 24;
    }, `memory back from ${daemon.rss()} MB to about ${memory} MB`, 15000).catch((e) => {
      if (!process.env.BUILD?.includes('sanitize')) throw e; // the sanitizer's quarantine keeps what was freed
    });
    assert.ok(!/ERROR: AddressSanitizer|runtime error/.test(daemon.stderr()), daemon.stderr());
  });
});
