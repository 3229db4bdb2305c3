// genkitctl: what a person and a script see.
import assert from 'node:assert/strict';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { build, environment, genkitctl, mind, root, run, start, until } from './lib/daemon.mjs';

describe('genkitctl test-model', () => {
  let daemon;
  before(async () => (daemon = await start({ modules: ['kitchen'] })));
  after(() => daemon.stop());
  const ctl = (...args) => run(genkitctl, ['test-model', ...args], { cwd: daemon.cwd });

  it('holds a model to what models must do', async () => {
    const abilities = ['tool-request', 'streaming-tool-request', 'structured-output', 'streaming-structured-output', 'multiturn', 'streaming-multiturn'];
    const { stdout, code } = await ctl('kitchen/cook', '--supports', abilities.join(','));
    assert.equal(code, 0, stdout);
    assert.match(stdout, /passed  streaming-tool-request\n[^]*6 passed, 0 failed/);
  });
  it('says what is not so, and exits 1', async () => {
    const { stdout, code } = await ctl('kitchen/cook', '--supports', 'system-role');
    assert.equal(code, 1);
    assert.match(stdout, /FAILED  system-role: its text begins otherwise: .*soup/);
  });
  it('reads cases from a file, for programs', async () => {
    const input = { messages: [{ role: 'user', content: [{ text: 'hi' }] }] };
    writeFileSync(join(daemon.cwd, 'models.json'), JSON.stringify([{ model: 'test/echo', tests: [
      { name: 'streams', input, validators: ['stream-text-includes:321'], stream: true }, { name: 'sings', input, validators: ['text-includes:la la'] },
      { name: 'is held to nothing', input, validators: [{ 'text-includes': 'la la' }] }] }]));
    const { stdout, code } = await ctl('--from-file', 'models.json', '--json');
    assert.equal(code, 1);
    assert.deepEqual(stdout.trim().split('\n').map((line) => { const { model, case: name, passed } = JSON.parse(line); return [model, name, passed]; }),
      [['test/echo', 'streams', true], ['test/echo', 'sings', false], ['test/echo', 'is held to nothing', false]]);
  });
  it('asks for a model or a file', async () => assert.equal((await ctl()).code, 64));
});

describe('genkitctl sessions', () => {
  let daemon;
  before(async () => (daemon = await start({ modules: ['talk'] })));
  after(() => daemon.stop());
  const ctl = (...args) => run(genkitctl, ['sessions', ...args], { cwd: daemon.cwd });
  const say = async (text, sessionId, uid) => {
    const response = await fetch(`http://${daemon.reflection}/api/runAction`, { method: 'POST', body: JSON.stringify({
      key: '/agent/counter', input: { message: { role: 'user', content: [{ text }] } }, init: { sessionId }, context: uid ? { auth: { uid } } : {} }) });
    const { result } = await response.json();
    assert.equal(result.finishReason, 'stop');
    return result.message.content[0].text;
  };

  it('lists, shows, exports and deletes', async () => {
    assert.equal((await ctl()).stdout, 'no sessions\n');
    assert.equal(await say('one', 'tuesday'), 'That was number 1.');
    assert.equal(await say('two', 'tuesday'), 'That was number 2.');
    assert.equal(await say('hers', 'tuesday', 'alice'), 'That was number 1.');
    await run(genkitctl, ['run', 'chat', '{"id":"c","text":"hi"}'], { cwd: daemon.cwd });
    const table = await ctl('list');
    assert.equal(table.code, 0, table.stderr);
    assert.match(table.stdout, /tuesday +\S+ +counter, 2 snapshots, completed\n/);
    assert.match(table.stdout, /tuesday +\S+ +counter of alice, 1 snapshot, completed\n/);
    assert.match(table.stdout, /^c +\S+ +chat, 1 thread\n/m);
    assert.equal((await ctl('--json', '--limit', '1')).stdout.trim().split('\n').length, 1);
    const shown = await ctl('show', 'tuesday', '--owner', '');
    assert.match(shown.stdout, /^tuesday of counter\n[^]*user: one\n {2}model: That was number 1\.\n {2}user: two\n {2}model: That was number 2\.\n$/);
    const whole = JSON.parse((await ctl('export', 'tuesday', '-')).stdout);
    assert.deepEqual(whole.sessions.map(({ owner, snapshots }) => [owner, snapshots.length]), [['', 2], ['alice', 1]]);
    assert.equal((await ctl('delete', '--owner', 'alice')).stdout, '1 deleted\n');
    assert.equal(await say('again', 'tuesday', 'alice'), 'That was number 1.');
    assert.equal(await say('three', 'tuesday'), 'That was number 3.');
    assert.equal((await ctl('delete', 'tuesday')).stdout, '2 deleted\n');
    const gone = await ctl('show', 'tuesday');
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /there is no session 'tuesday'/);
  });
  it('is not there for whoever calls flows', async () => {
    for (const page of ['list', 'show', 'delete']) {
      const response = await fetch(`http://${daemon.flows}/api/sessions/${page}`, { method: 'POST', body: '{"store":"counter"}' });
      assert.equal(response.status, 404);
    }
  });
  it('is there for who has an admin key', async () => {
    const open = await start({ modules: ['talk'], set: { 'server.admin_keys': ['sesame'] } });
    const list = (headers) => fetch(`http://${open.flows}/api/sessions/list`, { method: 'POST', headers });
    assert.equal((await list({})).status, 401);
    const response = await list({ Authorization: 'Bearer sesame' });
    assert.deepEqual([response.status, await response.json()], [200, { sessions: [] }]);
    await open.stop();
  });
  it('does not delete all of them by mistake', async () => assert.equal((await ctl('delete')).code, 64));
});

describe('genkitctl', () => {
  let daemon;
  before(async () => (daemon = await start({ modules: ['demo'] })));
  after(() => daemon.stop());
  const ctl = (...args) => run(genkitctl, args, { cwd: daemon.cwd }); // found by the runtime file of this project

  it('lists the actions, for people and for programs', async () => {
    const table = await ctl('actions');
    assert.equal(table.code, 0, table.stderr);
    assert.match(table.stdout, /\/flow\/hello\s+Greets somebody\./);
    const { stdout } = await ctl('actions', '--json');
    assert.equal(JSON.parse(stdout)['/flow/hello'].name, 'hello');
  });
  it('runs a flow by key or by name', async () => {
    for (const key of ['/flow/hello', 'hello']) {
      const { stdout, code } = await ctl('run', key, '{"name":"Ada"}');
      assert.equal(code, 0);
      assert.match(stdout, /"Hello, Ada!"/);
    }
  });
  it('streams', async () => {
    const { stdout } = await ctl('run', 'countdown', '{"from":2,"pauseMs":1}', '--stream');
    assert.match(stdout, /\{"count":\s*2\}\s+\{"count":\s*1\}\s+"liftoff"/);
  });
  it('says why an action failed, and exits 1', async () => {
    const { stderr, code } = await ctl('run', 'fail', '{"status":"NOT_FOUND","message":"no such dish"}');
    assert.equal(code, 1);
    assert.match(stderr, /NOT_FOUND: no such dish/);
  });
  it('refuses input that is no JSON before it asks anybody', async () => {
    const { stderr, code } = await ctl('run', 'hello', '{name: Ada}');
    assert.equal(code, 64);
    assert.match(stderr, /line 1/);
  });
  it('cancels a run by the trace id that --verbose prints', async () => {
    const child = mind(spawn(genkitctl, ['run', 'slow', '{"seconds":60}', '--verbose'], { cwd: daemon.cwd, env: environment() }));
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    const exited = new Promise((done) => child.on('close', done));
    const trace = await until(() => /trace ([0-9a-f]{32})/.exec(stderr)?.[1], 'the trace id');
    const { stdout, code } = await ctl('cancel', trace);
    assert.equal(code, 0);
    assert.equal(stdout, 'Action cancelled\n');
    assert.equal(await exited, 1);
    assert.match(stderr, /Action was cancelled/);
    const again = await ctl('cancel', trace);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /NOT_FOUND/);
  });
  it('Ctrl-C cancels the run and exits 130', async () => {
    const child = mind(spawn(genkitctl, ['run', 'slow', '{"seconds":60}', '-v'], { cwd: daemon.cwd, env: environment() }));
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    const exited = new Promise((done) => child.on('close', done));
    const trace = await until(() => /trace ([0-9a-f]{32})/.exec(stderr)?.[1], 'the trace id');
    child.kill('SIGINT');
    assert.equal(await exited, 130);
    assert.equal((await ctl('cancel', trace)).code, 1, 'it runs no longer');
  });
  it('reads the input from standard input, and says who asks', async () => {
    const { stdout } = await run(genkitctl, ['run', 'hello', '-'], { cwd: daemon.cwd, input: '{"name": "Grace"}\n' });
    assert.equal(stdout, '"Hello, Grace!"\n');
    const app = await start({ modules: ['testapp'] });
    const asked = await run(genkitctl, ['--url', `http://${app.reflection}/`, 'run', 'ctx', '--context', '{"auth":{"uid":"u"}}', '--json']);
    assert.deepEqual(JSON.parse(asked.stdout).result, { context: { auth: { uid: 'u' } } });
    await app.stop();
  });
  it('prints an outcome a program can read, whatever it is', async () => {
    const good = await ctl('run', 'countdown', '{"from":1,"pauseMs":1}', '--stream', '--json');
    const lines = good.stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(lines[0], { count: 1 });
    assert.equal(lines[1].result, 'liftoff');
    assert.match(lines[1].telemetry.traceId, /^[0-9a-f]{32}$/);
    const bad = await ctl('run', 'fail', '{"status":"NOT_FOUND","message":"no such dish"}', '--json');
    assert.equal(bad.code, 1);
    assert.equal(JSON.parse(bad.stdout).error.code, 5);
    const missing = await ctl('run', 'no-such-flow');
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /no-such-flow/);
  });
  it('fails when its output cannot be written', async () => {
    const full = openSync('/dev/full', 'w');
    for (const args of [['actions'], ['run', 'hello', '{"name":"A"}'], ['health'], ['--help'], ['--version']]) {
      const child = mind(spawn(genkitctl, args, { cwd: daemon.cwd, env: environment(), stdio: ['ignore', full, 'pipe'] }));
      assert.equal(await new Promise((done) => child.on('close', done)), 1, args.join(' '));
    }
    closeSync(full);
  });
  it('completes commands, options, keys and names', async () => {
    const script = `source ${join(root, 'etc/genkitctl.bash-completion')}
complete_line() { COMP_LINE=$1 COMP_POINT=\${#1} COMPREPLY=(); _genkitctl; echo "\${COMPREPLY[*]}"; }
while IFS= read -r line; do complete_line "$line"; done`;
    const app = await start({ modules: ['testapp'] });
    const complete = async (...lines) =>
      (await run('bash', ['-c', script], { cwd: daemon.cwd, input: lines.map((line) => `${line}\n`).join(''), env: { PATH: `${build}:${process.env.PATH}` } })).stdout.trimEnd().split('\n');
    assert.deepEqual(
      await complete('genkitctl ', 'genkitctl --json ca', 'genkitctl run --st', 'genkitctl run /flow/h', 'genkitctl run hel', 'genkitctl run hello ', 'genkitctl --url x ac',
        `genkitctl --url http://${app.reflection} run /dynamic-action-provider/dap:t`, 'genkitctl traces --status e', 'genkitctl traces --fo', 'genkitctl traces ex', 'genkitctl traces --action /flow/h',
        'genkitctl test-model --su', 'genkitctl db --fi', 'genkitctl db --file x ch', 'genkitctl sessions --store x sh'),
      ['actions run prompts prompt test-model traces trace sessions cancel db health', 'cancel', '--stream', '/flow/hello', 'hello', '', 'actions', 'tool/dyn', 'error', '--follow', 'export', '/flow/hello', '--supports', '--file', 'check', 'show']);
    await app.stop();
  });
  it('lists, filters and follows traces', async () => {
    await ctl('run', 'steps', '{"text":"a sprig of thyme"}');
    await ctl('run', 'fail', '{"status":"NOT_FOUND","message":"no such dish"}');
    const list = await ctl('traces');
    assert.equal(list.code, 0, list.stderr);
    assert.match(list.stdout, /^[0-9a-f]{32} .* ok .* \/flow\/steps\n[0-9a-f]{32} .* error .* \/flow\/fail  NOT_FOUND: no such dish\n$/m);
    const failed = await ctl('traces', '--status', 'error', '--since', '1h');
    assert.doesNotMatch(failed.stdout, /\/flow\/steps/);
    const found = await ctl('traces', '--action', '/flow/steps', '--grep', 'thyme', '--json');
    assert.equal(JSON.parse(found.stdout).displayName, 'steps');
    assert.equal((await ctl('traces', '--action', 'nobody')).stderr, 'There is no such trace.\n');
    const wrong = await ctl('traces', '--status', 'bad');
    assert.equal(wrong.code, 64);
    assert.match(wrong.stderr, /--status: success, error or running is expected, not 'bad'/);
    const child = mind(spawn(genkitctl, ['traces', '--follow', '--limit', '1'], { cwd: daemon.cwd, env: environment() }));
    let seen = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (seen += text));
    const exited = new Promise((done) => child.on('close', done));
    await until(() => /\/flow\/fail/.test(seen), 'the newest');
    await ctl('run', 'slow', '{"seconds":1.2}');
    await until(() => /running .*\/flow\/slow\n[^]*ok .*\/flow\/slow\n/.test(seen), 'a run while it goes on, and its end');
    child.kill('SIGINT');
    assert.equal(await exited, 130);
  });
  it('follows past the trace of a clock that is fast', async () => {
    const other = await start({ modules: ['demo'] });
    const [traceId, spanId, startTime] = ['f'.repeat(32), 'f'.repeat(16), Date.now() + 3600e3];
    const span = { traceId, spanId, displayName: 'ahead', startTime, endTime: startTime + 1, attributes: {}, spanKind: 'INTERNAL', instrumentationLibrary: { name: 't' }, status: { code: 0 } };
    const sent = await fetch(`http://${other.reflection}/api/traces`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ traceId, displayName: 'ahead', spans: { [spanId]: span } }) });
    assert.equal(sent.status, 200);
    const child = mind(spawn(genkitctl, ['traces', '--follow'], { cwd: other.cwd, env: environment() }));
    let seen = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (seen += text));
    const exited = new Promise((done) => child.on('close', done));
    await until(() => /ahead\n/.test(seen), 'what is there');
    await run(genkitctl, ['run', 'hello', '{"name":"A"}'], { cwd: other.cwd });
    await until(() => /\/flow\/hello\n/.test(seen), 'what comes');
    child.kill('SIGINT');
    await exited;
    await other.stop();
  });
  it('shows a trace as a tree, by its id, the beginning of it, or as the newest', async () => {
    const [id] = (await ctl('traces', '--action', 'steps')).stdout.split(' ');
    const tree = (await ctl('trace', id)).stdout;
    assert.match(tree, /^trace [0-9a-f]{32} .* 3 spans\n✓ steps  flow  [^]*\n├─ ✓ shout  flowStep [^]*\n└─ ✓ count  flowStep /);
    assert.match(tree, /│  log      INFO: counted 4 words\n/);
    assert.match(tree, /│  input    \{"text":"a sprig of thyme"\}\n/);
    assert.equal((await ctl('trace', id.slice(0, 30))).stdout, tree);
    assert.match((await ctl('trace', id, '-v')).stdout, /"text": "a sprig of thyme"\n/);
    assert.equal(JSON.parse((await ctl('trace', id, '--json')).stdout).traceId, id);
    assert.match((await ctl('trace')).stdout, /✓ slow  flow/);
    const none = await ctl('trace', 'ffff');
    assert.equal(none.code, 1);
    assert.match(none.stderr, /there is no trace ffff/);
  });
  it('hands traces to a colleague in one file', async () => {
    const [id] = (await ctl('traces', '--action', 'steps')).stdout.split(' ');
    const file = join(daemon.cwd, 'traces.jsonl');
    const all = await ctl('traces', 'export', file);
    assert.equal(all.code, 0, all.stderr);
    assert.match(all.stderr, /^\d+ traces written to/);
    assert.equal((await ctl('traces', 'export', file)).code, 1);
    const other = await start({ modules: ['demo'] });
    const there = (...args) => run(genkitctl, args, { cwd: other.cwd });
    assert.equal((await there('traces', 'import', file)).code, 0);
    const withoutLogs = (await ctl('trace', id)).stdout.replace(/^.*  log  .*\n/gm, ''); // these stay where they were written
    assert.equal((await there('trace', id)).stdout, withoutLogs);
    const one = await ctl('traces', 'export', '-', id);
    assert.equal((await run(genkitctl, ['traces', 'import', '-'], { cwd: other.cwd, input: one.stdout })).code, 0);
    writeFileSync(file, '{"traceId": "x", "spans": []}\n');
    const wrong = await there('traces', 'import', file);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /traces\.jsonl, line 1: spans: expected object/);
    await other.stop();
  });
  it('reports health, and a daemon that is not there', async () => {
    assert.equal((await ctl('health')).code, 0);
    const { code, stderr } = await ctl('--url', 'http://127.0.0.1:1', 'health');
    assert.equal(code, 1);
    assert.match(stderr, /127\.0\.0\.1:1/);
  });
  it('explains itself', async () => {
    for (const args of [['--help'], ['run', '--help'], ['actions', '--help']]) assert.equal((await ctl(...args)).code, 0);
    assert.equal((await ctl('no-such-command')).code, 64);
  });
});
