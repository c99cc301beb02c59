"""bench/convolution.ts in PyTorch, on one thread."""
import json
import sys
import time

import torch
from torch import nn

torch.set_num_threads(1)
given = json.loads(sys.argv[1])


def cpu_milliseconds(run):
    times = []
    for _ in range(given["repeats"]):
        before = time.process_time()
        run()
        times.append((time.process_time() - before) * 1000)
    return min(times)


results = []
for channels_in, channels_out, size in given["blocks"]:
    conv, norm = nn.Conv2d(channels_in, channels_out, 3, padding=1), nn.BatchNorm2d(channels_out)
    x = torch.randn(given["B"], channels_in, size, size)
    block = lambda: nn.functional.max_pool2d(torch.relu(norm(conv(x))), 2).sum()

    def forward(run):
        with torch.no_grad():
            run()

    results.append({
        "convolution": cpu_milliseconds(lambda: forward(lambda: conv(x))),
        "forward": cpu_milliseconds(lambda: forward(block)),
        "training": cpu_milliseconds(lambda: block().backward()),
    })
print(json.dumps({"version": torch.__version__, "results": results}))
