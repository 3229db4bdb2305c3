// The commands that the documentation shows, run as they stand against the demo: they say what it says they say.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { build, root, run, start } from './lib/daemon.mjs';

/** The commands of the ```console blocks: [{command, output}]. A command goes on in lines that begin with two blanks; "..." in
 * an output stands for anything. */
function commands(text) {
  const found = [];
  for (const [, block] of text.matchAll(/^```console\n([^]*?)^```$/gm)) {
    for (const line of block.split('\n').slice(0, -1)) {
      const last = found.at(-1);
      if (line.startsWith('$ ')) found.push({ command: line.slice(2), output: [] });
      else if (line.startsWith('  ') && !last.output.length) last.command += `\n${line}`;
      else last.output.push(line);
    }
  }
  return found;
}

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const pattern = (text) => new RegExp(`^${text.split('...').map(escape).join('[^]*')}$`);

// Elsewhere there are also commands that end when somebody stops them, or that need Google's tools.
for (const [file, which] of [['docs/agents.md', /./], ['README.md', /^curl/], ['docs/tour.md', /^curl/]])
  describe(`the commands of ${file}`, () => {
    let daemon;
    before(async () => (daemon = await start({ modules: ['demo', 'kitchen', 'inn'], set: { prompts: [{ directory: join(root, 'etc/demo/prompts') }] } })));
    after(() => daemon.stop());

    it('say what it says', async () => {
      const all = commands(readFileSync(join(root, file), 'utf8')).filter(({ command }) => which.test(command));
      const mark = '-- next --';
      const script = all.map(({ command }) => `${command.replaceAll('127.0.0.1:3400', daemon.flows).replaceAll('127.0.0.1:3100', daemon.reflection)}\necho; echo '${mark}'`).join('\n');
      const { stdout, stderr } = await run('bash', ['-c', script], { cwd: daemon.cwd, env: { PATH: `${build}:${process.env.PATH}` } });
      const said = stdout.split(`\n${mark}\n`).slice(0, -1);
      assert.ok(all.length > 0);
      assert.equal(said.length, all.length, stderr);
      all.forEach(({ command, output }, i) => assert.match(said[i].trim(), pattern(output.join('\n').trim()), command));
    });
  });
