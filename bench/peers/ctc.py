"""
PyTorch's side of bench/ctc.ts: ctc_loss(log_softmax(logits)) and its gradient, [T, B, V] as PyTorch has it. One JSON line in, one
out. The harness sets OMP_NUM_THREADS.
"""
import json
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
call = None
for line in sys.stdin:
    message = json.loads(line)
    if "setup" in message:
        setup = message["setup"]
        shape = (setup["T"], setup["B"], setup["V"])
        logits = torch.from_numpy(np.fromfile(setup["file"], dtype=np.float32).reshape(shape)).requires_grad_()
        targets = torch.tensor(setup["targets"])
        lengths = [torch.full((setup["B"],), n) for n in (setup["T"], setup["U"])]

        def call():
            logits.grad = None
            loss = F.ctc_loss(F.log_softmax(logits, -1), targets, *lengths)
            loss.backward()
            return loss.item()

        answer = {"version": torch.__version__, "loss": call(), "gradient": logits.grad.abs().sum().item()}
    else:
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(message["calls"]):
            call()
        elapsed = [time.perf_counter() - start, time.process_time() - cpu]
        answer = dict(zip(["ms", "cpuMs"], (seconds * 1000 / message["calls"] for seconds in elapsed)))
    print(json.dumps(answer), flush=True)
