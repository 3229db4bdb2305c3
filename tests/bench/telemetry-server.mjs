// The telemetry server of Genkit's tools: node telemetry-server.mjs FOLDER PORT, with FOLDER/node_modules. It stores below
// the working directory.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [, , folder, port] = process.argv;
const { startTelemetryServer, LocalFileTraceStore, LocalFileLogStore } = createRequire(join(folder, 'package.json'))('@genkit-ai/telemetry-server');
const root = { storeRoot: process.cwd(), indexRoot: process.cwd() };
await startTelemetryServer({ port: Number(port), traceStore: new LocalFileTraceStore(root), logStore: new LocalFileLogStore(root) });
