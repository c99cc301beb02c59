// Recommendations that evolve, from a log of events to a used model: what does someone who took this, and then that, take next?
// Half of the users work forwards through a shelf of thirty books, half backwards. The data are made here; a file would be
// { train: ['clicks.csv'] }.
import { prepareRecommendation, Random, RecommendationStream, textOf } from 'unrolled';

const rng = new Random(1);
const rows = ['user,item,timestamp'];
for (let user = 0; user < 400; user++) {
  const way = user % 2 === 0 ? 1 : 29;
  let book = rng.integer(30);
  for (let n = 4 + rng.integer(6), time = 1_700_000_000 + user; n > 0; n--, time += 3600) {
    rows.push(`user${user},book${book},${time}`);
    book = rng.integer(10) === 0 ? rng.integer(30) : (book + way) % 30;
  }
}

const { model, catalogue, run, evaluate } = await prepareRecommendation(
  { train: [textOf(rows.join('\n'), 'clicks.csv')] },
  { hiddenSize: 32, embeddingSize: 16, dropout: 0.1, embeddingDropout: 0, learningRate: 0.02, batchSize: 32, epochs: 12 },
);
for await (const event of run()) {
  if (event.type === 'validation') console.log(`step ${event.step}: hr@10 ${event.metrics['hr@10'].toFixed(3)}`);
}
console.log(await evaluate());

// One event after another; what comes next follows at once.
const stream = new RecommendationStream(model, catalogue);
for (const item of ['book4', 'book5', 'book6', 'book20', 'book19']) {
  stream.step({ item });
  const next = stream.top(3, { excludeSeen: true });
  console.log(`after ${item.padEnd(7)} ${next.map(({ item: name, score }) => `${name} (${score.toFixed(1)})`).join(', ')}`);
}

// Its memory is plain JSON: it can be stored with the user, and set again.
const kept = JSON.stringify(stream.state);
const again = new RecommendationStream(model, catalogue);
again.state = JSON.parse(kept);
console.log(again.top(1)[0].item === stream.top(1)[0].item);
