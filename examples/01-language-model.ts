// A language model from a text file to a used model. Run it on a book: npx tsx 01-language-model.ts book.txt
import { generate, prepareLanguageModel, saveLanguageModel } from 'unrolled';

const book = process.argv[2] ?? import.meta.filename; // any UTF-8 text; this program itself when none is named
const { model, tokenizer, run } = await prepareLanguageModel({ train: [book] }, { hiddenSize: 128, maxMinutes: 0.1 });
for await (const event of run()) {
  if (event.type === 'validation') console.log(`step ${event.step}: ${event.metrics.natsPerToken.toFixed(3)} nats a character`);
}
for (const text of generate(model, tokenizer, { prompt: 'the ', length: 300 })) process.stdout.write(text);
await saveLanguageModel('book.safetensors', model, tokenizer);
