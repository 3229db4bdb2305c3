// What the daemon may take of a small machine's memory: idle, and with many streams that wait.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { build, start, until } from './lib/daemon.mjs';
import { address, post } from './lib/raw.mjs';

const count = 3000;

// Beside its own, the store has SQLite's caches, and its threads keep a part of what they had.
for (const [title, set, rest] of [['with a store', {}, 32], ['without a store', { 'trace.enabled': 'false' }, 16]])
  describe(`memory ${title}`, { skip: build.includes('sanitize') && 'sanitizers take a multiple' }, () => {
    let daemon, idle;
    before(async () => {
      daemon = await start({ modules: ['bench'], set });
      idle = daemon.rss();
    });
    after(() => daemon.stop());

    it('is at most 15 MB when idle', () => assert.ok(idle <= 15, `${idle} MB`));

    it(`is at most 40 KB for each of ${count} open streams, and comes back`, async () => {
      const body = JSON.stringify({ key: '/flow/wait', input: { ms: 600000 } });
      const request = `POST /api/runAction?stream=true HTTP/1.1\r\nHost: ${daemon.reflection}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      const streams = [];
      let trace;
      while (streams.length < count)
        await Promise.all(Array.from({ length: 250 }, () => new Promise((done, fail) => {
          const socket = connect(address(daemon.reflection)).on('error', fail);
          streams.push(socket);
          socket.on('connect', () => socket.write(request));
          socket.on('data', (data) => {
            trace = /X-Genkit-Trace-Id: ([0-9a-f]+)/.exec(data)?.[1] ?? trace;
            if (String(data).includes('"open"')) done();
          });
        })));
      const each = ((daemon.rss() - idle) * 1024) / count;
      assert.ok(each <= 40, `${each} KB`);
      for (const socket of streams) socket.destroy();
      await until(async () => (await post(daemon.reflection, '/api/cancelAction', { traceId: trace })).status === 404, 'the end of the runs');
      await until(() => daemon.rss() < idle + rest, 'memory comes back');
    });
  });
