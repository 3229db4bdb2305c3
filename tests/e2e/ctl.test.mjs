// genkitctl: what a person and a script see.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { genkitctl, run, start, until } from './lib/daemon.mjs';

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
  it('cancels', async () => {
    const running = ctl('run', 'slow', '{"seconds":60}', '--json');
    const trace = await until(async () => {
      const { stdout } = await ctl('health', '--json');
      return JSON.parse(stdout).status === 'ok';
    }, 'healthy');
    assert.ok(trace);
    const { code } = await ctl('cancel', '0'.repeat(32));
    assert.equal(code, 1);
    await daemon.child.kill('SIGHUP');
    void running;
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
