// The daemon from outside: what it prints, programs that are daemons, sockets of others, changes while it serves.
import assert from 'node:assert/strict';
import { openSync, closeSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { build, environment, genkitctl, genkitd, mind, project, root, run, slack, start, until } from './lib/daemon.mjs';
import { freePort } from './lib/clients.mjs';
import { post, request } from './lib/raw.mjs';

const demo = join(build, 'modules/demo.so');

/** Runs a program whose standard output is full. */
async function printToFullDisk(program, args) {
  const full = openSync('/dev/full', 'w');
  const child = mind(spawn(program, args, { env: environment(), stdio: ['ignore', full, 'pipe'] }));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const code = await new Promise((done) => child.on('close', done));
  closeSync(full);
  return { code, stderr };
}

describe('what it prints', () => {
  it('a full disk is a failure', async () => {
    for (const option of ['--version', '--help', '--config-schema', '--check-config', '--config-man']) {
      const { code, stderr } = await printToFullDisk(genkitd, [option]);
      assert.equal(code, 1, option);
      assert.match(stderr, /No space left on device/, option);
    }
  });
  it('--ready-fd gets a line of JSON that says where it listens, and is closed', async () => {
    const daemon = await start({ modules: ['demo'] });
    assert.deepEqual(Object.keys(daemon.ready), ['reflection', 'flows', 'pid']);
    assert.equal(daemon.ready.pid, daemon.pid);
    assert.match(daemon.ready.flows[0], /^127\.0\.0\.1:\d+$/);
    await until(() => daemon.child.stdio[3].readableEnded || daemon.child.stdio[3].destroyed, 'the end of it');
    await daemon.stop();
  });
  it('no secret is in the log, even of a daemon that logs everything', async () => {
    const cwd = project({
      'c.yaml': 'server: {auth: api_key, api_keys: ["${TOP}"]}\nlog: {level: debug}\n' +
        'plugins: {compat: [{name: p, base_url: "http://127.0.0.1:9/v1", api_key: "${TOP}"}]}\nexec: [{name: x, command: ["./x.sh"], env: {KEY: "${TOP}"}}]\n',
      'x.sh': '#!/bin/sh\necho "no luck" >&2\nexit 1\n',
    });
    const daemon = await start({ modules: ['demo'], cwd, args: ['--config', 'c.yaml'], env: { TOP: 'hunter2hunter2' } });
    const key = { Authorization: 'hunter2hunter2' };
    assert.equal((await post(daemon.flows, '/hello', { data: { name: 'A' } }, key)).status, 200);
    const failed = await post(daemon.flows, '/x', { data: 1 }, key);
    assert.equal(failed.status, 500);
    daemon.child.kill('SIGHUP');
    await until(() => /reloaded/.test(daemon.stderr()), 'reloaded');
    await daemon.stop();
    assert.ok(!(daemon.stderr() + failed.body).includes('hunter2'), daemon.stderr());
  });
});

/** Compiles a program around GK_MODULE(mine, app, err) and gives its path. */
async function compile(cwd, source) {
  writeFileSync(join(cwd, 'mine.c'), `#include <genkit/genkit.h>\n${source}
int main(int argc, char **argv)
{
	return gk_main(argc, argv, gk_module_init);
}
`);
  const program = join(cwd, 'mine');
  const sanitize = build.includes('sanitize') ? ['-fsanitize=address,undefined'] : [];
  const made = await run('cc', ['-Wall', '-Wextra', '-Werror', ...sanitize, `-I${join(root, 'include')}`, 'mine.c', '-o', program,
    `-L${build}`, '-lgenkit', '-ljansson', `-Wl,-rpath,${build}`], { cwd });
  assert.equal(made.code, 0, made.stderr);
  return program;
}

describe('a program of its own', () => {
  it('is a daemon by gk_main()', async () => {
    const cwd = project();
    const program = await compile(cwd, `
static gk_code hello(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_sprintf("Hello, %s!", gk_json_str_peek(input, "name"));
	return GK_OK;
}
GK_MODULE(mine, app, err)
{
	return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "hello",
		.input = "name: string, whom to greet", .output = "string", .run = hello), err);
}
`);
    const daemon = await start({ program, modules: [], cwd });
    assert.equal((await post(daemon.flows, '/hello', { data: { name: 'Ada' } })).body, '{"result":"Hello, Ada!"}');
    assert.equal((await post(daemon.flows, '/hello', { data: {} })).status, 400);
    assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
    assert.match((await run(program, ['--help'])).stdout, new RegExp(`Usage: ${program}`));
  });
  it('does not wait for a run that does not end', async () => {
    const cwd = project();
    const program = await compile(cwd, `
#include <unistd.h>
static gk_code nap(void *arg, gk_error *err)
{
	(void)arg, (void)err;
	sleep(60);
	return GK_OK;
}
static gk_code stuck(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)ret;
	return gk_work(ctx, nap, NULL, err);
}
GK_MODULE(mine, app, err)
{
	return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "stuck", .run = stuck), err);
}
`);
    const daemon = await start({ program, modules: [], cwd, set: { 'server.drain_timeout': '50ms', 'log.level': 'debug' } });
    const running = post(daemon.flows, '/stuck', { data: 1 }).catch(() => 'hung up');
    await until(async () => JSON.parse((await run(genkitctl, ['--url', `http://${daemon.reflection}`, 'health', '--json'])).stdout).status === 'ok', 'up');
    const t0 = performance.now();
    assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
    const took = performance.now() - t0;
    assert.ok(took > 1900 && took < 50000, `${took} ms`);
    assert.match(daemon.stderr(), /leaving with 1 runs that do not end/);
    await running;
  });
});

describe('addresses', () => {
  it('the default port of reflection moves when it is taken, one that was chosen does not', async () => {
    const taken = createServer();
    await new Promise((done) => taken.listen(0, '127.0.0.1', done));
    const port = taken.address().port;
    const moved = await start({ env: { GENKIT_REFLECTION_HOST: '127.0.0.1' }, set: { 'reflection.listen': undefined } });
    assert.match(moved.reflection, /^127\.0\.0\.1:3[12]\d\d$/);
    const second = await start({ env: { GENKIT_REFLECTION_HOST: '127.0.0.1' }, set: { 'reflection.listen': undefined } });
    assert.notEqual(second.reflection, moved.reflection);
    await moved.stop();
    await second.stop();
    const { code, stderr } = await run(genkitd, ['--dev', '--set', 'server.listen=127.0.0.1:0', '--set', `reflection.listen=127.0.0.1:${port}`], { cwd: project() });
    assert.equal(code, 69);
    assert.ok(stderr.includes(`127.0.0.1:${port}`), stderr);
    taken.close();
  });
  it('an inherited socket that others can reach needs somebody to say who may call', { skip: !has('systemd-socket-activate') && 'no systemd-socket-activate' }, async () => {
    const port = await freePort();
    const child = mind(spawn('systemd-socket-activate', ['-l', `0.0.0.0:${port}`, '--fdname=flows', genkitd, '--module', demo],
      { cwd: project(), env: environment(), stdio: ['ignore', 'ignore', 'pipe'] }));
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    const exited = new Promise((done) => child.on('exit', done));
    await until(() => /Listening on/.test(stderr), 'it listens');
    request(`127.0.0.1:${port}`, 'GET', '/healthz').catch(() => {});
    assert.equal(await exited, 78);
    assert.match(stderr, /other machines can reach the inherited socket.*set server\.auth/);
  });
  it('inherited sockets go to the surface of their name', { skip: !has('systemd-socket-activate') && 'no systemd-socket-activate' }, async () => {
    const cwd = project();
    const names = ['flows', 'reflection'];
    const child = mind(spawn('systemd-socket-activate',
      [...names.flatMap((name) => ['-l', join(cwd, name)]), `--fdname=${names.join(':')}`, '-E', 'XDG_STATE_HOME', genkitd, '--dev', '--module', demo],
      { cwd, env: environment({ XDG_STATE_HOME: cwd }), stdio: ['ignore', 'ignore', 'pipe'] }));
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    await until(() => /Listening on .*reflection/.test(stderr), 'it listens');
    assert.equal((await post(`unix:${join(cwd, 'flows')}`, '/hello', { data: { name: 'Unit' } })).body, '{"result":"Hello, Unit!"}');
    assert.equal((await request(`unix:${join(cwd, 'reflection')}`, 'GET', '/api/__health')).status, 200);
    const exited = new Promise((done) => child.on('exit', done));
    child.kill('SIGTERM');
    assert.equal(await exited, 0);
  });
  it('an inherited descriptor that is no socket is refused', async () => {
    const { code, stderr } = await run('sh', ['-c', `LISTEN_FDS=1 LISTEN_PID=$$ exec ${JSON.stringify(genkitd)} 3< /dev/null`], { cwd: project() });
    assert.equal(code, 78);
    assert.match(stderr, /inherited descriptor 3 is no listening stream socket/);
  });
});

describe('changes while it serves', () => {
  it('the daemon looks for requests that come close together rather than sleep, and a reload ends that', async () => {
    const cwd = project({ 'c.yaml': 'server: {keep_awake: 500ms}\nlog: {level: debug}\n' });
    const daemon = await start({ cwd, modules: ['demo'], args: ['--config', 'c.yaml'] });
    const kept = async () => Number(/^genkitd_kept_awake_seconds_total (\S+)/m.exec(await (await fetch(`http://${daemon.flows}/metrics`)).text())[1]);
    const ask = async () => {
      for (let i = 0; i < 100; i++) await (await fetch(`http://${daemon.flows}/hello`, { method: 'POST', body: '{"data": {"name": "Ada"}}' })).text();
    };
    await ask();
    // where a control group limits processor time, it says that it has no effect
    assert.ok(/keep_awake has no effect/.test(daemon.stderr()) || await kept() > 0, String(await kept()));
    writeFileSync(join(cwd, 'c.yaml'), 'server: {keep_awake: 0}\nlog: {level: debug}\n');
    daemon.child.kill('SIGHUP');
    await until(() => /config: reloaded/.test(daemon.stderr()), 'reloaded');
    await kept(); // ends the wait in which it was
    const before = await kept();
    await ask();
    assert.equal(await kept(), before);
    await daemon.stop();
  });

  it('a reload drops no connection and no request, under load', async () => {
    const cwd = project({ 'c.yaml': 'server: {max_body: 1MiB}\n' });
    const daemon = await start({ modules: ['demo'], cwd, args: ['--config', 'c.yaml'] });
    const wrong = [];
    let going = true, count = 0;
    const client = async (headers) => {
      while (going) {
        try {
          const answer = await fetch(`http://${daemon.flows}/hello`, { method: 'POST', headers, body: '{"data":{"name":"A"}}' });
          const body = await answer.text();
          if (body !== '{"result":"Hello, A!"}') wrong.push(`${answer.status} ${body}`);
        } catch (error) {
          wrong.push(`${error} ${error.cause}`);
        }
        count++;
      }
    };
    const clients = [];
    for (let i = 0; i < 4; i++) clients.push(client({}), client({ Connection: 'close' }));
    const streams = [];
    for (let i = 1; i <= 10; i++) {
      const before = count;
      streams.push(fetch(`http://${daemon.flows}/countdown?stream=true`, { method: 'POST', body: '{"data":{"from":20,"pauseMs":10}}' }).then((r) => r.text()).catch((error) => `stream: ${error} ${error.cause}`));
      writeFileSync(join(cwd, 'c.yaml'), `server: {max_body: ${i + 1}MiB, idle_timeout: ${i + 10}s}\n`);
      daemon.child.kill('SIGHUP');
      await until(() => daemon.stderr().split('config: reloaded').length > i, 'reloaded');
      await until(() => count > before + 20, 'requests went on');
    }
    going = false;
    await Promise.all(clients);
    for (const text of await Promise.all(streams)) assert.match(text, /"liftoff"/);
    assert.deepEqual(wrong, []);
    await daemon.stop();
  });
  it('executables come, change and go with the configuration', async () => {
    const cwd = project({ 'a.sh': '#!/bin/sh\necho 1\n', 'c.yaml': 'exec: [{name: a, command: ./a.sh}]\n' });
    const daemon = await start({ modules: [], cwd, args: ['--config', 'c.yaml'] });
    const ask = async (name) => (await post(daemon.flows, `/${name}`, { data: 1 })).body;
    const reload = async (text) => {
      const before = daemon.stderr().length;
      writeFileSync(join(cwd, 'c.yaml'), text);
      daemon.child.kill('SIGHUP');
      await until(() => /config: (not )?reloaded/.test(daemon.stderr().slice(before)), 'it has looked');
    };
    assert.equal(await ask('a'), '{"result":1}');
    await reload('exec: [{name: b, command: [sh, -c, "echo 2"]}]\n');
    assert.equal(await ask('b'), '{"result":2}');
    assert.match(await ask('a'), /NOT_FOUND/);
    await reload('exec: [{name: a, command: ./a.sh}, {name: b}]\n');
    assert.match(daemon.stderr(), /c\.yaml:1:36: exec\[1\]: it has no 'command'/);
    assert.equal(await ask('b'), '{"result":2}');
    await daemon.stop();
  });
  it('a module that cannot be loaded leaves everything as it was', async () => {
    const cwd = project({ 'c.yaml': 'log: {level: info}\n' });
    const daemon = await start({ modules: ['demo'], cwd, args: ['--config', 'c.yaml'] });
    writeFileSync(join(cwd, 'c.yaml'), `modules: [./none.so]\nserver: {auth: api_key, api_keys: [k]}\n`);
    daemon.child.kill('SIGHUP');
    await until(() => /none\.so: cannot open/.test(daemon.stderr()), 'it is named');
    assert.equal((await post(daemon.flows, '/hello', { data: { name: 'A' } })).status, 200);
    writeFileSync(join(cwd, 'c.yaml'), `modules: [${join(build, 'examples/tiny.so')}]\n`);
    daemon.child.kill('SIGHUP');
    await until(async () => (await post(daemon.flows, '/menuSuggestion', { data: { theme: 'x' } })).status === 200, 'a module can be added');
    await daemon.stop();
  });
  it('the second SIGTERM gives up at once', async () => {
    const daemon = await start({ modules: ['demo'], set: { 'server.drain_timeout': '60s' } });
    const running = post(daemon.flows, '/slow', { data: { seconds: 60 } });
    await until(async () => JSON.parse((await run(genkitctl, ['--url', `http://${daemon.reflection}`, 'health', '--json'])).stdout).status === 'ok', 'up');
    daemon.child.kill('SIGTERM');
    await until(() => /1 runs come to their end/.test(daemon.stderr()), 'it drains');
    await assert.rejects(request(daemon.flows, 'GET', '/healthz'), /ECONNREFUSED/);
    const t0 = performance.now();
    daemon.child.kill('SIGTERM');
    assert.equal((await running).status, 503);
    assert.deepEqual(await daemon.exited, { code: 0, signal: null });
    assert.ok(performance.now() - t0 < 5000 * slack);
  });
});

function has(program) {
  return (process.env.PATH ?? '').split(':').some((folder) => {
    try {
      return readFileSync(join(folder, program)).length > 0;
    } catch {
      return false;
    }
  });
}
