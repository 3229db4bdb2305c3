// Programs that are measured, each in a folder of its own: both are gone when the measuring is.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** spawn() in a new folder. What it left there, gigabytes of traces at times, is removed at the end. */
export function spawnInFolder(program, args, options) {
  const cwd = mkdtempSync(join(tmpdir(), 'genkitd-bench-'));
  const child = spawn(program, args, { ...options, cwd });
  process.on('exit', () => {
    child.kill('SIGKILL');
    rmSync(cwd, { recursive: true, force: true, maxRetries: 9, retryDelay: 100 }); // it may still be writing
  });
  return child;
}
