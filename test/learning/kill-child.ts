/** What kill.test.ts kills: `kill-child.ts FOLDER new|resume`. */
import { tinyRun } from './tiny-training.ts';

const [path, how] = process.argv.slice(2);
const trainer = await tinyRun(path, how === 'new', { maxSteps: 150, validateEvery: 20, checkpointEvery: 7 });
process.stdout.write('begun\n');
for await (const event of trainer.run()) if (event.type === 'done') process.stdout.write('done\n');
