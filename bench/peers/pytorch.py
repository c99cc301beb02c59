"""
PyTorch's side of `unrolled bench`. One JSON line in, one out; the protocol is src/cli/bench/contender.ts.
The harness sets OMP_NUM_THREADS and OPENBLAS_NUM_THREADS: without the second, a "one thread" PyTorch multiplies on all cores.
"""
import json
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F


def main():
    run = None
    for line in sys.stdin:
        message = json.loads(line)
        if "setup" in message:
            run, outputs = setup(message["setup"])
            outputs.astype(np.float32).tofile(message["setup"]["outputFile"])
            answer = {"ready": {"name": "PyTorch", "version": torch.__version__}}
        else:
            answer = {"ms": run()}
        print(json.dumps(answer), flush=True)


def setup(request):
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    w = request["workload"]
    raw = np.fromfile(request["tensorFile"], dtype=np.float32)
    tensors = {}
    for name, t in request["tensors"].items():
        size = int(np.prod(t["shape"]))
        values = raw[t["offset"] : t["offset"] + size].reshape(t["shape"])
        tensors[name] = torch.from_numpy(values.copy())

    cell = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[w["cell"]]
    rnn = cell(w["inputSize"], w["hiddenSize"], w["layers"])
    take(rnn, tensors, "rnn.")
    prepare = {"train": prepare_train, "forward": prepare_forward, "step": prepare_step}[w["kind"]]
    call, outputs = prepare(w, rnn, tensors)

    def run():
        start = time.perf_counter()
        for _ in range(w["calls"]):
            call()
        return (time.perf_counter() - start) * 1000 / w["calls"]

    return run, outputs


def take(module, tensors, prefix):
    module.load_state_dict({name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)})


def prepare_train(w, rnn, tensors):
    embedding = torch.nn.Embedding(w["vocabulary"], w["inputSize"])
    linear = torch.nn.Linear(w["hiddenSize"], w["vocabulary"])
    take(embedding, tensors, "embedding.")
    take(linear, tensors, "linear.")
    tokens, targets = tensors["tokens"].long(), tensors["targets"].long().flatten()
    parameters = [*embedding.parameters(), *rnn.parameters(), *linear.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=w["learningRate"])

    def step():
        optimizer.zero_grad(set_to_none=True)
        output, _ = rnn(embedding(tokens))
        loss = F.cross_entropy(linear(output).flatten(0, 1), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, w["clipNorm"])
        optimizer.step()
        return loss.item()

    return step, np.array([step() for _ in range(w["checkedSteps"])])


def prepare_forward(w, rnn, tensors):
    x = tensors["x"]

    def forward():
        with torch.no_grad():
            return rnn(x)[0]

    return forward, forward().numpy()


def prepare_step(w, rnn, tensors):
    x = tensors["x"]
    state = None

    def step(t=0):
        nonlocal state
        with torch.no_grad():
            output, state = rnn(x[t : t + 1], state)
            return output

    return step, np.stack([step(t).numpy() for t in range(len(x))])


main()
