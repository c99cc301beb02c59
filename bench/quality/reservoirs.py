"""
ReservoirPy on the series of reservoirs.ts, with the same options: reads a request from standard input, prints a number for each run.
Written as its users write it, a Reservoir and a Ridge; weights are drawn uniform, as Unrolled's are, by its own generator.
"""
import json
import sys

import numpy as np
import reservoirpy
from reservoirpy.mat_gen import uniform
from reservoirpy.nodes import Reservoir, Ridge

request = json.load(sys.stdin)
options = request["options"]


def reservoir(seed):
    return Reservoir(
        options["hiddenSize"],
        lr=options.get("leakRate", 1.0),
        sr=options["spectralRadius"],
        input_scaling=options["inputScaling"],
        input_connectivity=1.0,
        rc_connectivity=0.1,
        Win=uniform(low=-1, high=1),
        W=uniform(low=-1, high=1),
        bias=uniform(low=-options["biasScaling"], high=options["biasScaling"]) if options["biasScaling"] > 0 else 0.0,
        seed=seed,
    )


def column(values, width=1):
    return np.asarray(values, dtype=np.float64).reshape(-1, width)


def nrmse(y, target):
    return float(np.sqrt(np.mean((y - target) ** 2) / np.var(target)))


def states(node, x):
    if node.initialized:
        node.reset()
    return node.run(x)


def solve(h, x, y, ridge):
    """Readout of [h; x], penalty on all but the bias: ReservoirPy's Ridge over what it is given."""
    readout = Ridge(ridge=ridge)
    readout.fit(np.hstack([h, x]), y)
    return readout


def next_step(run):
    x, y, cut = column(run["x"]), column(run["y"]), run["cut"]
    node = reservoir(run["seed"])
    h = states(node, x)
    washout = options["washout"]
    readout = solve(h[washout:cut], x[washout:cut], y[washout:cut], options["ridge"])
    return nrmse(readout.run(np.hstack([h[cut:], x[cut:]])), y[cut:])


def free_runs(run):
    plan, width = run["plan"], run["width"]
    series = column(run["series"], width)
    node = reservoir(run["seed"])
    cut, washout = plan["cut"], options["washout"]
    h = states(node, series[: cut - 1])
    readout = solve(h[washout:], series[washout : cut - 1], series[washout + 1 : cut], options["ridge"])
    # One run over all of it gives the state before each start: what was before its warm-up is forgotten.
    h = states(node, series)
    told, truth = [], []
    for i in range(plan["runs"]):
        start = cut + plan["warmUp"] + i * plan["every"]
        node.state = {**node.state, "out": h[start - 2]}
        x = series[start - 1]
        outputs = []
        for _ in range(plan["length"]):
            x = np.ravel(readout.step(np.concatenate([np.ravel(node.step(x)), x])))
            outputs.append(x)
        told.append(outputs)
        truth.append(series[start : start + plan["length"]])
    return np.asarray(told), np.asarray(truth), series


def error_at_end(run):
    told, truth, series = free_runs(run)
    return float(np.sqrt(np.mean((told[:, -1] - truth[:, -1]) ** 2) / np.var(series)))


def valid_time(run):
    told, truth, _ = free_runs(run)
    times = []
    for y, target in zip(told, truth):
        spread = np.mean(np.sum((target - target.mean(axis=0)) ** 2, axis=1))
        wrong = np.sum((y - target) ** 2, axis=1) > 0.16 * spread
        times.append((np.argmax(wrong) if wrong.any() else len(y)) * run["step"])
    return float(np.median(times))


def memory(run):
    u, delays, steps = column(run["x"]), run["delays"], run["steps"]
    h = states(reservoir(run["seed"]), u)
    y = np.hstack([np.roll(u, k, axis=0) for k in range(1, delays + 1)])
    readout = Ridge(ridge=1e-9)
    readout.fit(h[delays : delays + steps], y[delays : delays + steps])
    told = readout.run(h[delays + steps :])
    truth = y[delays + steps :]
    return float(sum(np.corrcoef(told[:, k], truth[:, k])[0, 1] ** 2 for k in range(delays)))


kinds = {"next": next_step, "free": error_at_end, "lorenz": valid_time, "memory": memory}
print(json.dumps({"version": reservoirpy.__version__, "values": [kinds[run["kind"]](run) for run in request["runs"]]}))
