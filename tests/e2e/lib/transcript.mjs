// The recorded transcripts of the JavaScript SDK: what was asked (lines with ">") and what was answered.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './daemon.mjs';

const folder = join(root, 'tests/e2e/transcripts');

export function names(prefix) {
  return readdirSync(folder).filter((f) => f.startsWith(prefix) && f.endsWith('.http')).map((f) => f.slice(0, -5)).sort();
}

export function load(name) {
  const lines = readFileSync(join(folder, `${name}.http`), 'utf8').split('\n').slice(1);
  const asked = lines.filter((l) => l.startsWith('>')).map((l) => l.replace(/^> ?/, ''));
  const [first, ...more] = asked;
  const [method, path] = first.split(' ');
  const gap = more.indexOf('');
  const headers = Object.fromEntries(
    (gap < 0 ? more : more.slice(0, gap)).map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 1).trim()]));
  delete headers.Host;
  const body = gap < 0 ? undefined : more.slice(gap + 1).join('\n');
  const answer = lines.slice(lines.findLastIndex((l) => l.startsWith('>')) + 1);
  const start = answer.findIndex((l) => l.startsWith('HTTP/1.1'));
  const blank = answer.indexOf('', start);
  return {
    name, method, path, headers, body,
    answer: {
      status: Number(answer[start].split(' ')[1]),
      headers: answer.slice(start + 1, blank).map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 1).trim()]),
      body: answer.slice(blank + 1).join('\n').replace(/\n$/, ''),
    },
  };
}

/** Ids, and the stack's lines, differ from run to run. */
export function normal(text) {
  return text
    .replace(/"stack":"(?:[^"\\]|\\.)*"/g, '"stack":"<stack>"')
    .replace(/\b[0-9a-f]{32}\b/g, '<trace>')
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uuid>')
    .replace(/\b[0-9a-f]{16}\b/g, '<span>');
}
