// Runs every scenario in a browser and reports to the fake server that sent it.

import { cases } from './run.js';
import { scenarios } from './scenarios.js';

const results = [];
for (const { name, run } of cases(scenarios)) {
  try {
    await run(location.origin);
    results.push({ name });
  } catch (error) {
    results.push({ name, error: error.stack ?? String(error) });
  }
}
await fetch('/report', { method: 'POST', body: JSON.stringify(results) });
