// The daemon as a process: configuration, signals, readiness, draining, exit statuses.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { build, environment, genkitd, mind, project, run, slack, start, until } from './lib/daemon.mjs';
import { address, exchange, parse, post, request } from './lib/raw.mjs';

const demo = join(build, 'modules/demo.so');

describe('configuration', () => {
  it('reports every mistake at once, with its place and the nearest key', async () => {
    const cwd = project({ 'bad.yaml': 'sever:\n  listen: 127.0.0.1:0\nserver:\n  max_body: lots\n  idle_timout: 3s\nlog:\n  level: loud\n' });
    const { code, stderr } = await run(genkitd, ['--check-config', '--config', 'bad.yaml'], { cwd });
    assert.equal(code, 78);
    assert.match(stderr, /bad\.yaml:1:1: unknown key 'sever'.*'server'/);
    assert.match(stderr, /bad\.yaml:4:\d+: .*max_body/);
    assert.match(stderr, /bad\.yaml:5:3: unknown key.*'server\.idle_timeout'|bad\.yaml:5:3: unknown key.*idle_timeout/);
    assert.match(stderr, /bad\.yaml:7:\d+: .*log\.level/);
  });
  it('does not start on a mistake', async () => {
    const { code } = await run(genkitd, ['--set', 'server.lisen=127.0.0.1:0'], { cwd: project() });
    assert.equal(code, 78);
  });
  it('never prints a secret', async () => {
    const cwd = project({ 'c.yaml': 'server:\n  auth: api_key\n  api_keys: ["${TOP}"]\n  listen: 127.0.0.1:0\nlog: {level: debug}\n' });
    const { stdout, stderr, code } = await run(genkitd, ['--check-config', '--config', 'c.yaml'], { cwd, env: { TOP: 'hunter2hunter2' } });
    assert.equal(code, 0, stderr);
    assert.ok(!(stdout + stderr).includes('hunter2hunter2'));
  });
  it('names a secret that is not there', async () => {
    const cwd = project({ 'c.yaml': 'server:\n  auth: api_key\n  api_keys: ["${NOT_SET_ANYWHERE}"]\n' });
    const { stderr, code } = await run(genkitd, ['--check-config', '--config', 'c.yaml'], { cwd });
    assert.equal(code, 78);
    assert.match(stderr, /NOT_SET_ANYWHERE/);
  });
  it('refuses to listen beyond loopback without saying who may call', async () => {
    const cwd = project();
    const open = await run(genkitd, ['--check-config', '--set', 'server.listen=0.0.0.0:0'], { cwd });
    assert.equal(open.code, 78);
    assert.match(open.stderr, /server\.auth/);
    const said = await run(genkitd, ['--check-config', '--set', 'server.listen=0.0.0.0:0', '--set', 'server.auth=none'], { cwd });
    assert.equal(said.code, 0, said.stderr);
  });
  it('prints its schema, its version and its help', async () => {
    const schema = JSON.parse((await run(genkitd, ['--config-schema'])).stdout);
    assert.equal(schema.properties.server.properties.listen !== undefined, true);
    assert.match((await run(genkitd, ['--version'])).stdout, /genkitd \d+\.\d+\.\d+/);
    const help = await run(genkitd, ['--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /--module/);
    assert.equal((await run(genkitd, ['--no-such-option'])).code, 64);
  });
});

describe('modules', () => {
  it('a file that is no module is named', async () => {
    const cwd = project({ 'x.so': 'not ELF' });
    const { code, stderr } = await run(genkitd, ['--module', './x.so', '--set', 'server.listen=127.0.0.1:0'], { cwd });
    assert.notEqual(code, 0);
    assert.match(stderr, /x\.so/);
  });
  it('a module of another ABI is refused with the remedy', async () => {
    const cwd = project({ 'old.c': 'const unsigned gk_module_abi = 999; const char gk_module_name[] = "old"; int gk_module_init(void *a, void *e) { (void)a; (void)e; return 0; }\n' });
    assert.equal((await run('cc', ['-shared', '-fPIC', 'old.c', '-o', 'old.so'], { cwd })).code, 0);
    const { code, stderr } = await run(genkitd, ['--module', './old.so', '--set', 'server.listen=127.0.0.1:0'], { cwd });
    assert.notEqual(code, 0);
    assert.match(stderr, /old\.so.*999|999.*old\.so/s);
  });
  it('the smallest example serves', async () => {
    const daemon = await start({ modules: [], args: ['--module', join(build, 'examples/tiny.so')] });
    const answer = await post(daemon.flows, '/menuSuggestion', { data: { theme: 'pirate' } });
    assert.equal(JSON.parse(answer.body).result, 'A menu for a pirate restaurant: soup, roast, pudding');
    await daemon.stop();
  });
});

describe('signals', () => {
  it('SIGTERM lets what runs finish, refuses what is new, and exits 0', async () => {
    const daemon = await start({ modules: ['demo'] });
    const running = post(daemon.flows, '/slow', { data: { seconds: 0.5 } });
    await until(async () => JSON.parse((await request(daemon.reflection, 'GET', '/api/__health')).status === 200), 'up');
    await new Promise((r) => setTimeout(r, 100));
    const keepAlive = connect(address(daemon.flows));
    let late = '';
    keepAlive.setEncoding('latin1').on('data', (d) => (late += d)).on('error', () => {});
    await new Promise((r) => keepAlive.on('connect', r));
    daemon.child.kill('SIGTERM');
    await new Promise((r) => setTimeout(r, 50));
    keepAlive.write(`POST /hello HTTP/1.1\r\nHost: ${daemon.flows}\r\nContent-Length: 2\r\n\r\n{}`);
    assert.equal(JSON.parse((await running).body).result, 'done');
    assert.deepEqual(await daemon.exited, { code: 0, signal: null });
    if (late) assert.equal(parse(late).status, 503);
    assert.deepEqual(readdirSync(join(daemon.cwd, '.genkit/runtimes')), []);
  });
  it('SIGTERM gives up after the drain limit, and streams still get their last frame', async () => {
    const daemon = await start({ modules: ['testapp'], set: { 'server.drain_timeout': '300ms' } });
    let heard = '';
    const body = '{"data":60000}';
    const stream = exchange(daemon.flows, `POST /slow?stream=true HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      { enough: (text) => parse((heard = text)) });
    await until(() => heard.includes('start'), 'its first frame');
    const t0 = performance.now();
    assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
    assert.ok(performance.now() - t0 < 3000 * slack);
    assert.match(parse(await stream).body, /\nerror: \{"error":\{.*"status":"UNAVAILABLE".*\}\}\n\n$/);
  });
  it('SIGTERM leaves two seconds after it gave up, whatever a run does with a thread', async () => {
    const daemon = await start({ modules: ['testapp'], set: { 'server.drain_timeout': '100ms' } });
    const run = post(daemon.flows, '/stubborn', { data: 120000 }).catch(() => {}); // cut off
    await until(async () => /^genkitd_runs 1$/m.test(await (await fetch(`http://${daemon.flows}/metrics`)).text()), 'the run has begun');
    const t0 = performance.now();
    assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
    const waited = performance.now() - t0;
    assert.ok(waited > 2000 && waited < 2000 + 5000 * slack, `${waited} ms`);
    assert.match(daemon.stderr(), /giving up 1 runs[^]*leaving with 1 runs that do not end/);
    await run;
  });
  it('SIGHUP reads the configuration again and drops no connection', async () => {
    const cwd = project({ 'c.yaml': 'server:\n  auth: none\n' });
    const daemon = await start({ modules: ['demo'], cwd, args: ['--config', 'c.yaml'] });
    const open = await fetch(`http://${daemon.flows}/countdown?stream=true`, { method: 'POST', body: '{"data":{"from":10,"pauseMs":50}}' });
    writeFileSync(join(cwd, 'c.yaml'), 'server:\n  auth: api_key\n  api_keys: [key1]\n');
    daemon.child.kill('SIGHUP');
    await until(async () => (await post(daemon.flows, '/hello', { data: { name: 'A' } })).status === 401, 'the new key counts');
    assert.equal((await post(daemon.flows, '/hello', { data: { name: 'A' } }, { Authorization: 'key1' })).status, 200);
    assert.match(await open.text(), /"liftoff"/);
    writeFileSync(join(cwd, 'c.yaml'), 'server:\n  auth: api_kez\n');
    daemon.child.kill('SIGHUP');
    await until(() => /c\.yaml:2:\d+/.test(daemon.stderr()), 'the mistake is logged');
    assert.equal((await post(daemon.flows, '/hello', { data: { name: 'A' } }, { Authorization: 'key1' })).status, 200);
    await daemon.stop();
  });
  it('__quitquitquit removes the runtime file, drains and exits 0', async () => {
    for (const method of ['GET', 'POST']) {
      const daemon = await start();
      const answer = await request(daemon.reflection, method, '/api/__quitquitquit', method === 'POST' ? { body: '{}' } : {});
      assert.equal(answer.status, 200);
      assert.equal(answer.body, 'OK');
      assert.deepEqual(await daemon.exited, { code: 0, signal: null });
      assert.deepEqual(readdirSync(join(daemon.cwd, '.genkit/runtimes')), []);
    }
  });
});

describe('service manager', () => {
  it('a taken address is named, with its own exit status', async () => {
    const first = await start();
    const { code, stderr } = await run(genkitd, ['--set', `server.listen=${first.flows}`], { cwd: project() });
    assert.equal(code, 69);
    assert.ok(stderr.includes(first.flows), stderr);
    await first.stop();
  });
  it('tells NOTIFY_SOCKET that it is ready, reloads, and stops', { skip: !hasPython() && 'no python3' }, async () => {
    const cwd = project({
      // node has no datagram unix sockets
      'notify.py': 'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind("n.sock")\nprint("bound",flush=True)\nwhile True:\n  print(s.recv(4096).decode().replace("\\n"," "),flush=True)\n',
    });
    const listener = mind(spawn('python3', ['notify.py'], { cwd, stdio: ['ignore', 'pipe', 'inherit'] }));
    let heard = '';
    listener.stdout.setEncoding('utf8').on('data', (t) => (heard += t));
    await until(() => heard.includes('bound'), 'bound');
    const daemon = await start({ cwd, env: { NOTIFY_SOCKET: join(cwd, 'n.sock'), WATCHDOG_USEC: '200000' } });
    await until(() => heard.includes('READY=1'), 'READY=1');
    await until(() => heard.includes('WATCHDOG=1'), 'WATCHDOG=1');
    daemon.child.kill('SIGHUP');
    await until(() => heard.includes('RELOADING=1'), 'RELOADING=1');
    await until(() => heard.split('READY=1').length > 2, 'READY=1 again');
    await daemon.stop();
    await until(() => heard.includes('STOPPING=1'), 'STOPPING=1');
    listener.kill();
  });
  it('serves on sockets that it inherits', { skip: !existsSync('/usr/bin/systemd-socket-activate') && 'no systemd-socket-activate' }, async () => {
    const cwd = project();
    const socket = join(cwd, 'flows.sock');
    const child = mind(spawn('systemd-socket-activate', ['-l', socket, '--fdname=flows', genkitd, '--module', demo],
      { cwd, env: environment({ XDG_STATE_HOME: cwd }), stdio: 'ignore' }));
    const ask = () => post(`unix:${socket}`, '/hello', { data: { name: 'Unit' } }).catch(() => null);
    const answer = await until(ask, 'an answer by the socket'); // its file is there before it listens
    assert.equal(answer.body, '{"result":"Hello, Unit!"}');
    child.kill('SIGTERM');
  });
  it('listens on a unix socket of its own', async () => {
    const cwd = project();
    const socket = join(cwd, 'own.sock');
    const daemon = await start({ modules: ['demo'], cwd, set: { 'server.listen': `unix:${socket}` } });
    assert.equal((await post(`unix:${socket}`, '/hello', { data: { name: 'U' } })).status, 200);
    await daemon.stop();
    assert.ok(!existsSync(socket), 'the socket file is removed');
  });
  it('writes JSON logs when asked', async () => {
    const daemon = await start({ set: { 'log.format': 'json', 'log.level': 'debug' } });
    await post(daemon.reflection, '/api/runAction', { key: '/flow/throwy' });
    await daemon.stop();
    const lines = daemon.stderr().trim().split('\n').filter((l) => l.startsWith('{')).map((l) => JSON.parse(l));
    assert.ok(lines.length > 0);
    for (const line of lines) assert.ok(line.level && line.message, JSON.stringify(line));
  });
});

describe('executables as flows and tools', () => {
  const scripts = {
    'double.sh': '#!/bin/sh\nread n\necho $((n * 2))\n',
    'lines.sh': '#!/bin/sh\nread n\necho \'{"line":1}\'\necho \'{"line":2}\'\necho \'"end"\'\n',
    'broken.sh': '#!/bin/sh\necho "disk on fire" >&2\nexit 3\n',
    'forever.sh': '#!/bin/sh\necho $$ > pid\nsleep 1000 &\necho $! >> pid\nwait\n',
  };
  const entry = (name, more = {}) => ({ name, command: [`./${name}.sh`], ...more });
  const up = async (exec) => {
    const cwd = project(scripts);
    return start({ modules: [], cwd, set: { exec: exec } });
  };

  it('JSON in, JSON out', async () => {
    const daemon = await up([entry('double', { input: 'number', output: 'number' })]);
    assert.equal((await post(daemon.flows, '/double', { data: 21 })).body, '{"result":42}');
    assert.equal((await post(daemon.flows, '/double', { data: 'x' })).status, 400);
    await daemon.stop();
  });
  it('lines as chunks', async () => {
    const daemon = await up([entry('lines', { stream: true })]);
    const answer = await request(daemon.flows, 'POST', '/lines?stream=true', { body: '{"data":1}' });
    assert.equal(answer.body, 'data: {"message":{"line":1}}\n\ndata: {"message":{"line":2}}\n\ndata: {"result":"end"}\n\n');
    await daemon.stop();
  });
  it('exit status and standard error reach the error', async () => {
    const daemon = await up([entry('broken')]);
    const answer = await post(daemon.flows, '/broken', { data: 1 });
    assert.equal(answer.status, 500);
    const error = JSON.parse(answer.body);
    assert.match(JSON.stringify(error), /3/);
    assert.match(JSON.stringify(error), /disk on fire/);
    await daemon.stop();
  });
  it('a cancelled run kills its process and what that started', async () => {
    const daemon = await up([entry('forever')]);
    const socket = connect(address(daemon.flows));
    socket.on('error', () => {});
    socket.write(`POST /forever?stream=true HTTP/1.1\r\nHost: ${daemon.flows}\r\nContent-Length: 10\r\n\r\n{"data":1}`);
    const file = join(daemon.cwd, 'pid');
    const pids = await until(() => existsSync(file) && readFileSync(file, 'utf8').trim().split('\n').length === 2 && readFileSync(file, 'utf8').trim().split('\n'), 'both processes');
    socket.destroy();
    const isGone = (pid) => {
      try {
        return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      } catch {
        return true;
      }
    };
    for (const pid of pids) await until(() => isGone(pid), `${pid} is gone`);
    await daemon.stop();
  });
  it('a time limit ends it', async () => {
    const daemon = await up([entry('forever', { timeout: '200ms' })]);
    const answer = await post(daemon.flows, '/forever', { data: 1 });
    assert.equal(answer.status, 504);
    await daemon.stop();
  });
  it('a tool is listed as one', async () => {
    const daemon = await up([entry('double', { type: 'tool', description: 'Doubles a number.', input: 'number' })]);
    const actions = JSON.parse((await request(daemon.reflection, 'GET', '/api/actions')).body);
    assert.equal(actions['/tool/double'].description, 'Doubles a number.');
    await daemon.stop();
  });
});

function hasPython() {
  return existsSync('/usr/bin/python3') || (process.env.PATH ?? '').split(':').some((p) => existsSync(join(p, 'python3')));
}
