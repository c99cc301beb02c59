/** The conditional random field against the textbook's algorithms in PyTorch: losses, marginals, best paths, every gradient. */
import { expect, test } from 'vitest';
import { mul } from '../../src/autograd/ops/binary.ts';
import { sum } from '../../src/autograd/ops/reduce.ts';
import { backward } from '../../src/autograd/tape.ts';
import { LinearChainCrf } from '../../src/nn/crf.ts';
import { onEveryBackend } from '../backends/every.ts';
import { expectClose, type Recorded, readFixture, stateDictOf, tensorOf } from './fixture.ts';

const fixture = readFixture<{
  lengths: number[];
  parameters: Readonly<Record<string, Recorded>>;
  emissions: Recorded;
  tags: Recorded;
  scales: Recorded;
  losses: Recorded;
  marginals: Recorded;
  paths: number[][];
  gradients: Readonly<Record<string, Recorded>>;
}>('crf');

onEveryBackend((backend) => {
  const { lengths } = fixture;
  const made = () => {
    const crf = new LinearChainCrf({ numTags: 5 });
    crf.loadStateDict(stateDictOf(fixture.parameters));
    return { crf, emissions: tensorOf(fixture.emissions, backend, { requiresGrad: true }) };
  };

  test('losses and gradients', () => {
    const { crf, emissions } = made();
    const losses = crf.loss(emissions, tensorOf(fixture.tags, backend), { lengths, reduction: 'none' });
    expectClose(losses, fixture.losses, 'losses');
    backward(sum(mul(losses, tensorOf(fixture.scales, backend))));
    const leaves = new Map([...crf.namedParameters(), ['emissions', emissions] as const]);
    for (const [name, gradient] of Object.entries(fixture.gradients)) expectClose(leaves.get(name)!.grad!, gradient, `gradient of ${name}`);
  });

  test('marginals and best paths', () => {
    const { crf, emissions } = made();
    expectClose(crf.marginals(emissions, { lengths }), fixture.marginals, 'marginals');
    expect(crf.decode(emissions, { lengths }).map((path) => [...path])).toEqual(fixture.paths);
    expect(crf.nBest(emissions, 1, { lengths }).map(([{ tags }]) => [...tags])).toEqual(fixture.paths);
  });
});
