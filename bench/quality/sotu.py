"""
PyTorch's side of sotu.ts: the same model, weights, batches and schedule, from the folder that it wrote.

    python3 sotu.py FOLDER [--steps N]
"""
import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F


class LanguageModel(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embedding = torch.nn.Embedding(c["vocabularySize"], c["embeddingSize"])
        self.rnn = torch.nn.LSTM(c["embeddingSize"], c["hiddenSize"], batch_first=True)
        self.decoder = torch.nn.Linear(c["hiddenSize"], c["vocabularySize"])

    def loss(self, inputs, targets, state):
        output, state = self.rnn(self.embedding(inputs), state)
        return F.cross_entropy(self.decoder(output).flatten(0, 1), targets.flatten()), state


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--steps", type=int)
    given = arguments.parse_args()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    config = json.loads((given.folder / "config.json").read_text())
    model = LanguageModel(config)
    model.load_state_dict(initial_weights(given.folder, config))

    B, T, steps = config["B"], config["T"], config["steps"]
    batches = batches_of(np.fromfile(given.folder / "train.i32", dtype=np.int32), B, T)
    optimizer = torch.optim.Adam(model.parameters())
    losses, state = [], None
    start = time.perf_counter()
    for step in range(given.steps or steps):
        inputs, targets = batches[step % len(batches)]
        if step % len(batches) == 0:
            state = None
        for group in optimizer.param_groups:
            group["lr"] = 0.5 * config["learningRate"] * (1 + math.cos(math.pi * step / steps))
        optimizer.zero_grad(set_to_none=True)
        loss, state = model.loss(inputs, targets, state)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config["clipNorm"])
        optimizer.step()
        state = tuple(part.detach() for part in state)
        losses.append(loss.item())
        if step % 50 == 49:
            print(f"\r{step + 1}/{steps} {sum(losses[-50:]) / 50:.4f} ", end="", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - start
    perplexity = math.exp(test_loss(model, batches_of(np.fromfile(given.folder / "test.i32", dtype=np.int32), B, T))) if given.steps is None else 0
    size = max(1, len(losses) // 100)
    hundredths = [round(sum(losses[i * size : (i + 1) * size]) / size, 4) for i in range(len(losses) // size)]
    print(json.dumps({"version": torch.__version__, "perplexity": perplexity, "trainingSeconds": seconds, "losses": hundredths}))


def initial_weights(folder, config):
    raw = torch.from_numpy(np.fromfile(folder / "initial.f32", dtype=np.float32))
    sizes = [math.prod(p["shape"]) for p in config["parameters"]]
    return {p["name"]: part.reshape(p["shape"]) for p, part in zip(config["parameters"], raw.split(sizes))}


def batches_of(tokens, B, T):
    """B streams side by side, cut into windows of T; what does not fill a window is left out."""
    tokens = torch.from_numpy(tokens).long()
    length = (len(tokens) - 1) // B
    inputs, targets = tokens[: B * length].reshape(B, length), tokens[1 : B * length + 1].reshape(B, length)
    return [(inputs[:, i * T : (i + 1) * T], targets[:, i * T : (i + 1) * T]) for i in range(length // T)]


def test_loss(model, batches):
    total, state = 0.0, None
    with torch.no_grad():
        for inputs, targets in batches:
            loss, state = model.loss(inputs, targets, state)
            total += loss.item()
    return total / len(batches)


main()
