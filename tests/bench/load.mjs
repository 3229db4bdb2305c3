// The daemon and its peer under the same load, one after the other: the server on one core, wrk on the other.
// Absolute figures belong to the machine; the ratios are what to quote.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { spawnInFolder } from './folder.mjs';

const build = resolve(process.argv[2] ?? 'build');
const seconds = Number(process.env.BENCH_SECONDS ?? 5);
const pin = cpus().length > 1 ? (core) => ['taskset', '-c', String(core)] : () => [];
const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

function collect(args, env = {}) {
  return new Promise((done, fail) => {
    const child = spawn(args[0], args.slice(1), { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (d) => (text += d));
    child.on('error', fail).on('close', () => done(text));
  });
}

const rss = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
const cpuTicks = (pid) => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return Number(stat[11]) + Number(stat[12]);
};

/** A health question as soon as the port takes it: retried every millisecond. */
function health(port) {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => socket.write(`GET /api/__health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`));
    socket.on('data', (d) => { socket.destroy(); done(String(d).startsWith('HTTP/1.1 200')); });
    socket.on('error', () => done(false));
  });
}

async function launch(name, args, env, portOf) {
  const t0 = performance.now();
  const child = spawnInFolder(args[0], args.slice(1), { env: { ...process.env, GENKIT_ENV: 'dev', ...env }, stdio: 'ignore' });
  const port = await portOf();
  while (!(await health(port))) await new Promise((r) => setTimeout(r, 1));
  const startMs = performance.now() - t0;
  await new Promise((r) => setTimeout(r, 500));
  return { name, port, child, pid: child.pid, startMs, idle: rss(child.pid) };
}

/** What a server left for later is done: nothing has moved for half a second. */
async function rest(server) {
  for (let i = 0, last = -1; i < 60 && cpuTicks(server.pid) - last > 2; i++) {
    last = cpuTicks(server.pid);
    await new Promise((r) => setTimeout(r, 500));
  }
}

/** Pid of the server itself: taskset execs it, so it is the child. */
async function load(server, path, body, script = 'post.lua') {
  const before = cpuTicks(server.pid);
  const text = await collect([...pin(1), 'wrk', '-t1', '-c32', `-d${seconds}s`, '--latency', '-s', join(here, script),
    `http://127.0.0.1:${server.port}${path}`], { BENCH_BODY: JSON.stringify(body) });
  const time = (name) => {
    const [, value, unit] = new RegExp(`${name}%\\s+([\\d.]+)(us|ms|s)`).exec(text) ?? [];
    return value * { us: 0.001, ms: 1, s: 1000 }[unit];
  };
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  await rest(server); // each case pays for what it left behind, and for nothing else
  const errors = /Non-2xx|Socket errors/.test(text);
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]), p50: time('50'), p99: time('99'),
    us: ((cpuTicks(server.pid) - before) * 10000) / requests, rss: rss(server.pid), errors: errors ? text : '' };
}

const all = [
  ['echo', '/api/runAction', { key: '/flow/echo', input: { text: 'hello' } }],
  ['stream of 100', '/api/runAction?stream=true', { key: '/flow/stream', input: { count: 100 } }],
  ['generate', '/api/runAction', { key: '/flow/generate', input: 'hello' }],
  ['tools, three rounds', '/api/runAction', { key: '/flow/tools', input: 'hello' }],
  ['upstream', '/api/runAction', { key: '/flow/upstream', input: 'hello' }],
];

// BENCH_CASES=generate,tools measures only these.
const chosen = process.env.BENCH_CASES?.split(',');
const cases = all.filter(([name]) => !chosen || chosen.some((one) => name.startsWith(one)));

const providers = [];
process.on('exit', () => providers.forEach((one) => one.kill('SIGKILL')));

/** A model provider that costs little; its address. */
async function startUpstream(core) {
  const [program, ...args] = [...pin(core), join(build, 'tests/bench/upstream'), '0', '1000', '20'];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  providers.push(child);
  return new Promise((done) => child.stdout.once('data', (d) => done(String(d).trim())));
}
const upstream = await startUpstream(1); // wrk's core
const apart = await startUpstream(0); // the server's, for who asks it without one: from another core, as the server is asked
process.env.UPSTREAM = `http://${upstream}/v1`;

/** Percentiles at 1,000 requests a second, in microseconds. */
async function pace(port, path, body) {
  const text = await collect([...pin(1), join(build, 'tests/bench/paced'), String(port), path, JSON.stringify(body), '1000', String(seconds)]);
  const of = (name) => Number(new RegExp(`${name} (\\d+)`).exec(text)?.[1]);
  return { p50: of('p50_us'), p99: of('p99_us') };
}

/**
 * What a flow that asks the provider adds to asking it, at 1,000 requests a second. Without the flow the provider has the
 * server's core: to wake another core takes longer than such a provider does. `beside`: where it shares the core of who asks.
 */
async function addedLatency(server) {
  const chat = { model: 'canned', messages: [{ role: 'user', content: 'hello' }] };
  const ask = (address) => pace(address.split(':')[1], '/v1/chat/completions', chat);
  const [direct, beside] = [await ask(apart), await ask(upstream)];
  const through = await pace(server.port, '/api/runAction', { key: '/flow/upstream', input: 'hello' });
  const over = (base) => ({ p50: through.p50 - base.p50, p99: through.p99 - base.p99 });
  return { direct, beside, through, ...over(direct), overBeside: over(beside) };
}

async function measure(server) {
  const rows = {};
  for (const [name, path, body] of cases) {
    await collect([...pin(1), 'wrk', '-t1', '-c32', '-d1s', '-s', join(here, 'post.lua'), `http://127.0.0.1:${server.port}${path}`], { BENCH_BODY: JSON.stringify(body) });
    await rest(server);
    rows[name] = await load(server, path, body);
    if (rows[name].errors) console.log(`${server.name}, ${name}:\n${rows[name].errors}`);
  }
  return rows;
}

/** Conversations of two turns with the agent `echo`: a second turn goes on from the snapshot that a first one left. */
async function talk(server) {
  await collect([...pin(1), 'wrk', '-t1', '-c32', '-d1s', '-s', join(here, 'talk.lua'), `http://127.0.0.1:${server.port}/api/runAction`]);
  const { rate, us, errors, ...row } = await load(server, '/api/runAction', {}, 'talk.lua');
  if (errors) console.log(`${server.name}, conversations:\n${errors}`);
  return { ...row, rate: rate / 2, us: us * 2 };
}

/** Opens `count` streams that wait, and gives what each costs the server, in KB, and what it then has, in MB. */
async function openStreams(server, count, key = '/flow/wait', input = { ms: 120000 }, word = '"open"') {
  const before = rss(server.pid);
  const body = JSON.stringify({ key, input });
  const request = `POST /api/runAction?stream=true HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const sockets = [];
  let open = 0;
  for (let i = 0; i < count; i += 200) {
    await Promise.all(Array.from({ length: Math.min(200, count - i) }, () => new Promise((done, fail) => {
      const socket = connect(server.port, '127.0.0.1');
      sockets.push(socket);
      socket.on('connect', () => socket.write(request));
      socket.on('data', (d) => { if (String(d).includes(word)) { open++; done(); } });
      socket.on('error', fail);
    })));
  }
  const all = rss(server.pid);
  for (const socket of sockets) socket.destroy();
  return { open, each: ((all - before) * 1024) / open, all };
}

/** The daemon, measured and ended. */
async function launchOurs(set) {
  const port = await freePort();
  const places = [`reflection.listen=127.0.0.1:${port}`, `server.listen=127.0.0.1:${await freePort()}`, 'log.level=error', ...set];
  return launch('genkitd', [...pin(0), join(build, 'genkitd'), '--dev', ...places.flatMap((value) => ['--set', value]),
    '--module', join(build, 'modules/bench.so')], {}, async () => port);
}
async function measureOurs(set) {
  const fresh = await launchOurs(set);
  const slow = await openStreams(fresh, 2000, '/flow/upstreamStream', 'hello', 'word');
  fresh.child.kill();
  const server = await launchOurs(set);
  server.slow = slow;
  server.rows = await measure(server);
  server.added = await addedLatency(server);
  server.talk = await talk(server);
  server.streams = await openStreams(server, Number(process.env.BENCH_STREAMS ?? 10000)).catch((e) => ({ open: 0, each: NaN, e }));
  server.child.kill();
  return server;
}

const folder = process.env.PEER_FOLDER;

/** The telemetry server of Genkit's tools, on the other core, as `genkit start` has it in a process of its own. */
async function startTelemetryServer() {
  const port = await freePort();
  const [program, ...args] = [...pin(1), process.execPath, join(here, 'telemetry-server.mjs'), resolve(folder), String(port)];
  const child = spawnInFolder(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  while (!(await health(port))) await new Promise((r) => setTimeout(r, 20));
  return { child, url: `http://127.0.0.1:${port}` };
}

/** The peer, measured and ended. It keeps traces by sending them to that server; without it, it keeps none. */
async function measurePeer(env) {
  // The SDK takes the first free port from 3100 on; it runs in the folder of its packages.
  const script = resolve(folder, 'genkit-js.mjs');
  const peer = await launch('JavaScript SDK', [...pin(0), process.execPath, script], env, async () => 3100);
  peer.rows = await measure(peer);
  peer.child.kill();
  await new Promise((done) => peer.child.on('exit', done));
  const agent = await launch('JavaScript SDK, agent', [...pin(0), process.execPath, join(here, 'agent_peer.mjs')],
    { ...env, PEER_FOLDER: resolve(folder) }, async () => 3100);
  peer.talk = await talk(agent);
  agent.child.kill();
  await new Promise((done) => agent.child.on('exit', done));
  return peer;
}

const columns = [await measureOurs(['trace.enabled=false']), await measureOurs([])];
if (folder && existsSync(join(folder, 'node_modules'))) {
  columns.push(await measurePeer({}));
  if (existsSync(join(folder, 'node_modules/@genkit-ai/telemetry-server'))) {
    const telemetry = await startTelemetryServer();
    columns.push(await measurePeer({ GENKIT_TELEMETRY_SERVER: telemetry.url }));
    telemetry.child.kill();
  }
}

/** The requests a second of the other two that ask the provider: the SDK while its traces are taken (by a daemon on wrk's
 * core), and the gateway. */
const others = {};
if (columns[2]) {
  const port = await freePort();
  const store = await launch('store', [...pin(1), join(build, 'genkitd'), '--dev', '--set', `reflection.listen=127.0.0.1:${port}`,
    '--set', `server.listen=127.0.0.1:${await freePort()}`, '--set', 'log.level=error'], {}, async () => port);
  const flows = await freePort();
  const sdk = await launch('JavaScript SDK', [...pin(0), process.execPath, resolve(folder, 'genkit-js.mjs')],
    { GENKIT_TELEMETRY_SERVER: `http://127.0.0.1:${port}`, FLOW_PORT: String(flows) }, async () => 3100);
  others['JavaScript, traces taken'] = await load(sdk, '/api/runAction', { key: '/flow/upstream', input: 'hello' });
  sdk.child.kill();
  store.child.kill();
  const gateway = join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  if (existsSync(gateway)) {
    const own = await freePort();
    const [program, ...args] = [...pin(0), process.execPath, gateway, `--port=${own}`, '--headless'];
    const child = spawn(program, args, { stdio: 'ignore' });
    process.on('exit', () => child.kill('SIGKILL'));
    await new Promise((r) => setTimeout(r, 5000));
    others['Portkey gateway'] = await load({ pid: child.pid, port: own }, '/v1/chat/completions',
      { model: 'canned', messages: [{ role: 'user', content: 'hello' }] });
    child.kill();
  }
}

const f = (x, digits = 0) => (x === undefined || Number.isNaN(x) ? '-' : x.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits }));
const print = (...cells) => console.log(cells.map((c, i) => (i ? String(c).padStart(10) : String(c).padEnd(32))).join(' '));
/** `more`: whether more is better. */
function row(title, value, digits, more = false) {
  const [bare, kept, theirs, theirsKept] = columns.map(value);
  const ratio = (a, b) => (a && b ? f(more ? a / b : b / a, 1) : '-');
  print(title, f(bare, digits), f(kept, digits), f(theirs, digits), f(theirsKept, digits), ratio(bare, theirs), ratio(kept, theirs), ratio(kept, theirsKept));
}
console.log('Ratios: neither keeps traces, only genkitd does, both do (the SDK by its telemetry server on the other core).\n');
print('', 'no traces', 'kept', 'JavaScript', 'JS, kept', 'neither', 'only ours', 'both');
for (const [name] of cases) {
  row(`${name}: requests/s`, (c) => c.rows[name].rate, 0, true);
  row(`${name}: CPU us/request`, (c) => c.rows[name].us, 1);
  row(`${name}: p50 ms`, (c) => c.rows[name].p50, 2);
  row(`${name}: p99 ms`, (c) => c.rows[name].p99, 2);
}
for (const [name, one] of Object.entries(others)) {
  const [bare, kept] = columns.map((c) => c.rows.upstream?.rate);
  if (one.errors) console.log(one.errors);
  print(`upstream, ${name}: req/s`, f(bare), f(kept), f(one.rate), f(bare / one.rate, 1), f(kept / one.rate, 1));
}
for (const p of ['p50', 'p99']) {
  row(`1,000/s, provider alone: ${p} us`, (c) => c.added?.direct[p], 0);
  row(`1,000/s, through a flow: ${p} us`, (c) => c.added?.through[p], 0);
  row(`1,000/s, added: ${p} us`, (c) => c.added?.[p], 0);
  row(`(provider on wrk's core: ${p} us)`, (c) => c.added?.beside[p], 0);
  row(`(added to that: ${p} us)`, (c) => c.added?.overBeside[p], 0);
}
row('2,000 slow upstream streams, MB', (c) => c.slow?.all, 1);
row('conversations of two turns: /s', (c) => c.talk.rate, 0, true);
row('conversation: CPU us', (c) => c.talk.us, 1);
row('a turn: p50 ms', (c) => c.talk.p50, 2);
row('a turn: p99 ms', (c) => c.talk.p99, 2);
row('start to first health, ms', (c) => c.startMs, 1);
row('memory idle, MB', (c) => c.idle, 1);
row('memory under load, MB', (c) => Math.max(...cases.map(([name]) => c.rows[name].rss)), 1);
row(`${f(columns[0].streams.open)} waiting streams, KB each`, (c) => c.streams?.each, 1);
process.exit(0);
