import type { Extent } from './row.ts';
import { subjects } from './subjects.ts';

/** Measures one subject; started by `main.ts` with the subject's name and the extent, answers with rows as JSON. */
const [name = '', extent = ''] = process.argv.slice(2);
const load = subjects[name];
if (load === undefined) throw new Error(`there is no subject ${JSON.stringify(name)}`);
const { subject } = await load();
const rows = await subject.run(JSON.parse(extent) as Extent);
process.stdout.write(`${JSON.stringify(rows)}\n`);
// Sockets and timers of what was measured must not keep the process.
process.exit(0);
