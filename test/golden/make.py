#!/usr/bin/env python3
"""Records what PyTorch computes: the golden values that the tests beside this file compare with.

    python3 test/golden/make.py           writes the fixtures beside this file
    python3 test/golden/make.py --check   makes them again and compares with those that are there

Inputs and parameters are float32 numbers; everything computed from them is float64. What torch.nn has is computed by
torch.nn. What it has not (peepholes, layer normalisation, the reset gate before the product, recurrent dropout, sigmoid)
is written out below step by step with torch.autograd, and that writing is itself checked against torch.nn where both apply.
"""
import base64
import json
import math
import pathlib
import sys
import zlib

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
HERE = pathlib.Path(__file__).parent


# ---- writing down ------------------------------------------------------------------------------------------------------

def encode(x, dtype):
    array = np.asarray(x.detach().numpy() if torch.is_tensor(x) else x, dtype=dtype, order="C")
    return {"shape": list(array.shape), np.dtype(dtype).name: base64.b64encode(array.tobytes()).decode()}


def given(x):
    """Something the computation starts from: exact in float32."""
    assert torch.equal(x, x.float().double())
    return encode(x, np.float32)


def computed(x):
    return encode(x, np.float64)


def integers(x):
    return encode(x, np.int32)


def header(what):
    return {"what": what, "script": "test/golden/make.py", "torch": torch.__version__, "numpy": np.__version__}


# ---- numbers to start from ---------------------------------------------------------------------------------------------

class Source:
    """Normal float32 numbers, the same for the same label."""

    def __init__(self, label):
        self.state = np.random.RandomState(zlib.crc32(label.encode()))

    def normal(self, *shape, scale=1.0):
        return torch.tensor((self.state.standard_normal(shape) * scale).astype(np.float32).astype(np.float64))

    def integers(self, below, *shape):
        return torch.tensor(self.state.randint(0, below, size=shape))


def philox(seed, counter):
    """Block `counter` of four 32-bit words: src/tensor/random.ts."""
    x = [counter & 0xFFFFFFFF, counter >> 32, 0, 0]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        product0, product1 = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [(product1 >> 32) ^ x[1] ^ key[0], product1 & 0xFFFFFFFF, (product0 >> 32) ^ x[3] ^ key[1], product0 & 0xFFFFFFFF]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return x


class Masks:
    """Dropout masks as src/backend/backend.ts defines them, from a stream that begins at block 0."""

    def __init__(self, seed):
        self.seed, self.counter = seed, 0

    def take(self, p, *shape):
        size = math.prod(shape)
        blocks = math.ceil(size / 4)
        words = [word for block in range(blocks) for word in philox(self.seed, self.counter + block)][:size]
        self.counter += blocks
        kept = [0.0 if (word >> 8) * 2.0**-24 < p else 1 / (1 - p) for word in words]
        return torch.tensor(kept).reshape(shape)


# ---- recurrences, written out ------------------------------------------------------------------------------------------

def normalized(x):
    return (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)


def one_step(case, p, x, state, mask):
    """One step of a batch: x [B, I], state a list, p a function from a part's name to its parameter or None."""
    h = state[0]
    wx = x @ p("weight_ih").T
    seen = h * mask
    wh = seen @ p("weight_hh").T
    if case.get("layerNorm"):
        wx, wh = normalized(wx) * p("weight_ln_ih"), normalized(wh) * p("weight_ln_hh")
    b_ih = p("bias_ih") if case.get("bias", True) else torch.zeros(wx.shape[1])
    b_hh = p("bias_hh") if case.get("bias", True) else torch.zeros(wx.shape[1])

    if case["kind"] == "RNN":
        return [{"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}[case.get("activation", "tanh")](wx + b_ih + wh + b_hh)]

    if case["kind"] == "GRU":
        H = h.shape[1]
        (xr, xz, xn), (hr, hz, hn), (br, bz, bn) = (wx + b_ih).chunk(3, 1), wh.chunk(3, 1), b_hh.chunk(3)
        r, z = torch.sigmoid(xr + hr + br), torch.sigmoid(xz + hz + bz)
        if case.get("resetAfter", True):
            n = torch.tanh(xn + r * (hn + bn))
        else:
            n = torch.tanh(xn + (r * seen) @ p("weight_hh")[2 * H:].T + bn)
        return [(1 - z) * n + z * h]

    c = state[1]
    i, f, g, o = (wx + b_ih + wh + b_hh).chunk(4, 1)
    p_i, p_f, p_o = p("weight_ch").chunk(3) if case.get("peepholes") else (0, 0, 0)
    i, f, g = torch.sigmoid(i + p_i * c), torch.sigmoid(f + p_f * c), torch.tanh(g)
    c = f * c + i * g
    o = torch.sigmoid(o + p_o * c)
    shown = normalized(c) * p("weight_ln_ch") + p("bias_ln_ch") if case.get("layerNorm") else c
    m = o * torch.tanh(shown)
    return [m @ p("weight_hr").T if case.get("projSize") else m, c]


def written_out(case, parameters, x, initial, masks):
    """As torch.nn's modules, of x [T, B, I] and a list of states [L·D, B, ·]; zero output and carried state past a length."""
    T, B, _ = x.shape
    D = 2 if case.get("bidirectional") else 1
    lengths = torch.tensor(case.get("lengths") or [T] * B)
    last = [[] for _ in initial]
    for layer in range(case.get("numLayers", 1)):
        if layer > 0 and case.get("dropout"):
            x = x * masks.take(case["dropout"], *x.shape)
        sides = []
        for d in range(D):
            suffix = f"_l{layer}" + ("_reverse" if d else "")
            state = [s[layer * D + d] for s in initial]
            mask = masks.take(case["recurrentDropout"], *state[0].shape) if case.get("recurrentDropout") else 1.0
            outputs = [None] * T
            for t in reversed(range(T)) if d else range(T):
                active = (t < lengths).unsqueeze(1)
                after = one_step(case, lambda part: parameters[part + suffix], x[t], state, mask)
                state = [torch.where(active, new, old) for new, old in zip(after, state)]
                outputs[t] = torch.where(active, state[0], torch.zeros(()))
            sides.append(torch.stack(outputs))
            for k, s in enumerate(state):
                last[k].append(s)
        x = torch.cat(sides, 2)
    return x, [torch.stack(s) for s in last]


def module_of(case):
    """The torch.nn module that computes the same."""
    options = dict(num_layers=case.get("numLayers", 1), bias=case.get("bias", True), bidirectional=case.get("bidirectional", False))
    if case["kind"] == "RNN":
        options["nonlinearity"] = case.get("activation", "tanh")
    if case.get("projSize"):
        options["proj_size"] = case["projSize"]
    return getattr(nn, case["kind"])(case["inputSize"], case["hiddenSize"], **options)


def by_torch(module, case, x, initial):
    T = x.shape[0]
    lengths = case.get("lengths")
    inputs = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False) if lengths else x
    output, last = module(inputs, tuple(initial) if len(initial) == 2 else initial[0])
    if lengths:
        output, _ = pad_packed_sequence(output, total_length=T)
    return output, list(last) if len(initial) == 2 else [last]


def torch_has(case):
    ours = ["peepholes", "layerNorm", "recurrentDropout", "dropout"]
    return case.get("resetAfter", True) and case.get("activation") != "sigmoid" and not any(case.get(option) for option in ours)


def parameter_shapes(case):
    G = {"RNN": 1, "LSTM": 4, "GRU": 3}[case["kind"]]
    I, H = case["inputSize"], case["hiddenSize"]
    P = case.get("projSize") or H
    D = 2 if case.get("bidirectional") else 1
    shapes = {}
    for layer in range(case.get("numLayers", 1)):
        for d in range(D):
            suffix = f"_l{layer}" + ("_reverse" if d else "")
            shapes["weight_ih" + suffix] = (G * H, I if layer == 0 else D * P)
            shapes["weight_hh" + suffix] = (G * H, P)
            if case.get("bias", True):
                shapes["bias_ih" + suffix] = shapes["bias_hh" + suffix] = (G * H,)
            if case.get("layerNorm"):
                shapes["weight_ln_ih" + suffix] = shapes["weight_ln_hh" + suffix] = (G * H,)
            if case.get("projSize"):
                shapes["weight_hr" + suffix] = (P, H)
            if case.get("peepholes"):
                shapes["weight_ch" + suffix] = (3 * H,)
            if case.get("layerNorm") and case["kind"] == "LSTM":
                shapes["weight_ln_ch" + suffix] = shapes["bias_ln_ch" + suffix] = (H,)
    return shapes


def recurrent_case(case):
    label = json.dumps(case, sort_keys=True)
    source = Source(label)
    B, T = case["B"], case["T"]
    H = case["hiddenSize"]
    P = case.get("projSize") or H
    D = 2 if case.get("bidirectional") else 1
    rows = case.get("numLayers", 1) * D
    widths = [P, H] if case["kind"] == "LSTM" else [H]

    parameters = {name: source.normal(*shape, scale=0.4).requires_grad_() for name, shape in parameter_shapes(case).items()}
    module = module_of(case) if torch_has(case) else None
    if module is not None:
        with torch.no_grad():
            for name, p in module.named_parameters():
                p.copy_(parameters[name])
        assert list(parameters) == [name for name, _ in module.named_parameters()]
        parameters = dict(module.named_parameters())
    x = source.normal(T, B, case["inputSize"]).requires_grad_()
    initial = [source.normal(rows, B, width, scale=0.5).requires_grad_() for width in widths]
    if not case["state"]:
        initial = [torch.zeros_like(s).requires_grad_() for s in initial]
    weight_output = source.normal(T, B, D * P)
    weight_state = [source.normal(rows, B, width) for width in widths]
    target = source.normal(T, B, D * P, scale=0.5)

    def run():
        if module is not None:
            return by_torch(module, case, x, initial)
        return written_out(case, parameters, x, initial, Masks(case.get("seed", 0)))

    output, last = run()
    if module is not None:
        mine = written_out(case, parameters, x, initial, None)
        for a, b in zip([output, *last], [mine[0], *mine[1]]):
            assert torch.allclose(a, b, rtol=1e-12, atol=1e-12), label
    loss = (output * weight_output).sum() + sum((s * w).sum() for s, w in zip(last, weight_state))
    loss.backward()

    def batch_first(z):
        return z.transpose(0, 1)

    record = {
        "case": case,
        "parameters": {name: given(p) for name, p in parameters.items()},
        "x": given(batch_first(x)),
        "weightOutput": given(batch_first(weight_output)),
        "weightState": [given(w) for w in weight_state],
        "target": given(batch_first(target)),
        "output": computed(batch_first(output)),
        "lastState": [computed(s) for s in last],
        "gradients": {
            "x": computed(batch_first(x.grad)),
            "state": [computed(s.grad) for s in initial],
            "parameters": {name: computed(p.grad) for name, p in parameters.items()},
        },
    }
    if case["state"]:
        record["state"] = [given(s) for s in initial]

    # Ten steps of training: mean squared distance to a target, by Adam. The same dropout masks at each step.
    optimizer = torch.optim.Adam(parameters.values(), lr=0.01)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = ((run()[0] - target) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    record["training"] = {"losses": losses, "output": computed(batch_first(run()[0]))}
    return record


def recurrent():
    small = dict(B=2, T=5, inputSize=3, hiddenSize=4, state=False)
    large = dict(B=3, T=5, inputSize=2, hiddenSize=4, numLayers=2, bidirectional=True, lengths=[3, 5, 1], state=True)
    odd = dict(B=4, T=3, inputSize=5, hiddenSize=7, state=True)
    cases = []
    for kind in ["RNN", "LSTM", "GRU"]:
        cases += [
            dict(kind=kind, **small),
            dict(kind=kind, **odd),
            dict(kind=kind, **odd, bias=False),
            dict(kind=kind, **large),
            dict(kind=kind, **large, bias=False),
            dict(kind=kind, **{**large, "bidirectional": False, "state": False}),
            dict(kind=kind, **large, dropout=0.4, seed=11),
            dict(kind=kind, **odd, recurrentDropout=0.3, seed=12),
            dict(kind=kind, **large, recurrentDropout=0.3, dropout=0.2, seed=13),
            dict(kind=kind, **odd, layerNorm=True),
            dict(kind=kind, **large, layerNorm=True),
            dict(kind=kind, **odd, layerNorm=True, bias=False),
        ]
    for activation in ["relu", "sigmoid"]:
        cases += [dict(kind="RNN", **odd, activation=activation), dict(kind="RNN", **large, activation=activation)]
    cases += [
        dict(kind="LSTM", **odd, projSize=3),
        dict(kind="LSTM", **large, projSize=3),
        dict(kind="LSTM", **odd, peepholes=True),
        dict(kind="LSTM", **large, peepholes=True),
        dict(kind="LSTM", **large, peepholes=True, projSize=3, layerNorm=True, recurrentDropout=0.25, dropout=0.25, seed=14),
        dict(kind="GRU", **odd, resetAfter=False),
        dict(kind="GRU", **large, resetAfter=False),
        dict(kind="GRU", **large, resetAfter=False, recurrentDropout=0.25, seed=15),
        dict(kind="GRU", **odd, resetAfter=False, bias=False),
    ]
    return {**header("recurrent layers: outputs, states, every gradient, ten steps of Adam"), "cases": [recurrent_case(case) for case in cases]}


def cells():
    records = []
    for kind in ["RNNCell", "LSTMCell", "GRUCell"]:
        for bias in [True, False]:
            source = Source(f"{kind} {bias}")
            cell = getattr(nn, kind)(5, 6, bias=bias)
            with torch.no_grad():
                for p in cell.parameters():
                    p.copy_(source.normal(*p.shape, scale=0.4))
            x = source.normal(4, 5).requires_grad_()
            state = [source.normal(4, 6).requires_grad_() for _ in range(2 if kind == "LSTMCell" else 1)]
            weights = [source.normal(4, 6) for _ in state]
            result = cell(x, tuple(state) if len(state) == 2 else state[0])
            result = list(result) if len(state) == 2 else [result]
            sum((r * w).sum() for r, w in zip(result, weights)).backward()
            records.append({
                "kind": kind, "bias": bias, "inputSize": 5, "hiddenSize": 6,
                "parameters": {name: given(p) for name, p in cell.named_parameters()},
                "x": given(x), "state": [given(s) for s in state], "weights": [given(w) for w in weights],
                "result": [computed(r) for r in result],
                "gradients": {
                    "x": computed(x.grad), "state": [computed(s.grad) for s in state],
                    "parameters": {name: computed(p.grad) for name, p in cell.named_parameters()},
                },
            })
    return {**header("cells: one step and its gradients"), "cases": records}


# ---- losses and other layers -------------------------------------------------------------------------------------------

def losses():
    source = Source("losses")
    R, C = 7, 5
    logits = source.normal(R, C, scale=2.0)
    targets = source.integers(C, R)
    ignored = targets.clone()
    ignored[[1, 4]] = -100
    class_weights = (source.normal(C).abs() + 0.25).float().double()
    scales = source.normal(R)

    cross_entropy = []
    for reduction in ["mean", "sum", "none"]:
        for smoothing in [0.0, 0.1]:
            for weighted in [False, True]:
                for target, ignore in [(targets, -100), (ignored, -100), (targets, 2)]:
                    z = logits.clone().requires_grad_()
                    loss = nn.functional.cross_entropy(z, target, class_weights if weighted else None, ignore_index=ignore, reduction=reduction, label_smoothing=smoothing)
                    (loss * scales).sum().backward() if reduction == "none" else loss.backward()
                    cross_entropy.append({
                        "reduction": reduction, "labelSmoothing": smoothing, "weighted": weighted, "ignoreIndex": ignore,
                        "targets": integers(target), "loss": computed(loss), "dLogits": computed(z.grad),
                    })

    x, y = source.normal(3, 4), source.normal(3, 4)
    probabilities = torch.sigmoid(source.normal(3, 4)).float().double()
    pointwise_scales = source.normal(3, 4)
    kinds = {
        "mse": (nn.functional.mse_loss, y, {}),
        "mae": (nn.functional.l1_loss, y, {}),
        "huber": (nn.functional.huber_loss, y, {"delta": 1.0}),
        "huberHalf": (nn.functional.huber_loss, y, {"delta": 0.5}),
        "bce": (nn.functional.binary_cross_entropy_with_logits, probabilities, {}),
    }
    pointwise = []
    for kind, (function, target, options) in kinds.items():
        for reduction in ["mean", "sum", "none"]:
            z = x.clone().requires_grad_()
            loss = function(z, target, reduction=reduction, **options)
            (loss * pointwise_scales).sum().backward() if reduction == "none" else loss.backward()
            pointwise.append({"kind": "huber" if kind == "huberHalf" else kind, **options, "reduction": reduction, "target": given(target), "loss": computed(loss), "dX": computed(z.grad)})

    return {
        **header("losses, each with the gradient of its input; with reduction none the gradient is of sum(loss * scales)"),
        "crossEntropy": {"logits": given(logits), "classWeights": given(class_weights), "scales": given(scales), "cases": cross_entropy},
        "pointwise": {"x": given(x), "scales": given(pointwise_scales), "cases": pointwise},
    }


def layers():
    source = Source("layers")
    record = header("layers without recurrence, each with every gradient of sum(output * scales)")

    x, weight, bias, scales = source.normal(3, 5, 6), source.normal(6), source.normal(6), source.normal(3, 5, 6)
    leaves = [v.requires_grad_() for v in (x, weight, bias)]
    y = nn.functional.layer_norm(x, (6,), weight, bias)
    (y * scales).sum().backward()
    names = ["x", "weight", "bias"]
    record["layerNorm"] = {**{n: given(v) for n, v in zip(names, leaves)}, "scales": given(scales), "output": computed(y), "gradients": {n: computed(v.grad) for n, v in zip(names, leaves)}}

    x, weight, bias, scales = source.normal(3, 5, 4), source.normal(6, 4), source.normal(6), source.normal(3, 5, 6)
    leaves = [v.requires_grad_() for v in (x, weight, bias)]
    y = nn.functional.linear(x, weight, bias)
    (y * scales).sum().backward()
    record["linear"] = {**{n: given(v) for n, v in zip(names, leaves)}, "scales": given(scales), "output": computed(y), "gradients": {n: computed(v.grad) for n, v in zip(names, leaves)}}

    table, ids, scales = source.normal(7, 4).requires_grad_(), source.integers(7, 3, 5), source.normal(3, 5, 4)
    ids[0, :2], ids[2, 4] = 2, 2
    y = nn.functional.embedding(ids, table, padding_idx=2)
    (y * scales).sum().backward()
    record["embedding"] = {"paddingIndex": 2, "ids": integers(ids), "weight": given(table), "scales": given(scales), "output": computed(y), "gradients": {"weight": computed(table.grad)}}

    adaptive = nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10], div_value=2.0)
    with torch.no_grad():
        for p in adaptive.parameters():
            p.copy_(source.normal(*p.shape, scale=0.5))
    x, targets = source.normal(9, 8).requires_grad_(), torch.tensor([0, 3, 4, 9, 10, 19, 2, 12, 5])
    output, loss = adaptive(x, targets)
    loss.backward()
    record["adaptiveLogSoftmax"] = {
        "inFeatures": 8, "numClasses": 20, "cutoffs": [4, 10], "divValue": 2.0,
        "parameters": {name: given(p) for name, p in adaptive.named_parameters()},
        "x": given(x), "targets": integers(targets), "output": computed(output), "loss": loss.item(),
        "logProb": computed(adaptive.log_prob(x)), "predict": integers(adaptive.predict(x)),
        "gradients": {"x": computed(x.grad), "parameters": {name: computed(p.grad) for name, p in adaptive.named_parameters()}},
    }
    return record


# ---- conditional random field ------------------------------------------------------------------------------------------

def crf():
    """The forward algorithm and Viterbi's as in textbooks and pytorch-crf, which is not among Debian's packages: one sequence at a time."""
    source = Source("crf")
    C, T, lengths = 5, 6, [6, 1, 4, 0, 3]
    B = len(lengths)
    parameters = {"start_transitions": source.normal(C), "end_transitions": source.normal(C), "transitions": source.normal(C, C)}
    emissions, tags = source.normal(B, T, C, scale=2.0), source.integers(C, B, T)
    scales = source.normal(B)
    leaves = [v.requires_grad_() for v in (emissions, *parameters.values())]
    start, end, transitions = parameters.values()

    def log_likelihood(x, y):
        n = len(y)
        if n == 0:
            return torch.zeros(())
        score = start[y[0]] + end[y[-1]] + sum(x[t, y[t]] for t in range(n)) + sum(transitions[y[t - 1], y[t]] for t in range(1, n))
        alpha = start + x[0]
        for t in range(1, n):
            alpha = torch.logsumexp(alpha[:, None] + transitions, 0) + x[t]
        return score - torch.logsumexp(alpha + end, 0)

    def viterbi(x, n):
        if n == 0:
            return []
        best, came_from = start + x[0], []
        for t in range(1, n):
            arriving, sources = (best[:, None] + transitions).max(0)
            best = arriving + x[t]
            came_from.append(sources)
        path = [int((best + end).argmax())]
        for sources in reversed(came_from):
            path.append(int(sources[path[-1]]))
        return path[::-1]

    def normalizer_gradient(b):
        """The marginals: the gradient of log Z by the emissions."""
        n = lengths[b]
        probability = log_likelihood(emissions[b], tags[b, :n])
        if n == 0:
            return torch.zeros(T, C)
        (gradient,) = torch.autograd.grad(-probability, emissions)
        return gradient[b] + nn.functional.one_hot(tags[b], C) * (torch.arange(T) < n)[:, None]

    losses = torch.stack([-log_likelihood(emissions[b], tags[b, : lengths[b]]) for b in range(B)])
    marginals = torch.stack([normalizer_gradient(b) for b in range(B)])
    (losses * scales).sum().backward()
    return {
        **header("linear-chain conditional random field; the gradients are of sum(losses * scales)"),
        "lengths": lengths, "parameters": {name: given(p) for name, p in parameters.items()}, "emissions": given(emissions),
        "tags": integers(tags), "scales": given(scales), "losses": computed(losses), "marginals": computed(marginals),
        "paths": [viterbi(emissions[b], lengths[b]) for b in range(B)],
        "gradients": {name: computed(v.grad) for name, v in zip(["emissions", *parameters], leaves)},
    }


# ---- connectionist temporal classification ------------------------------------------------------------------------------

def ctc():
    """torch.nn.functional.ctc_loss of log_softmax: one loss a row, and the gradient by the logits."""
    source = Source("ctc")

    def record(B, T, V, targets, input_lengths, **options):
        logits = source.normal(B, T, V, scale=2.0)
        U = max(len(y) for y in targets)
        padded = torch.tensor([y + [0] * (U - len(y)) for y in targets]).reshape(B, U)
        lengths = torch.tensor([len(y) for y in targets])
        scales = source.normal(B)
        call = lambda x, reduction: nn.functional.ctc_loss(
            nn.functional.log_softmax(x, -1).transpose(0, 1), padded, torch.tensor(input_lengths), lengths, reduction=reduction, **options)
        x = logits.clone().requires_grad_()
        losses = call(x, "none")
        (losses * scales).sum().backward()
        y = logits.clone().requires_grad_()
        mean = call(y, "mean")
        mean.backward()
        return {
            "options": options, "logits": given(logits), "targets": targets, "inputLengths": input_lengths, "scales": given(scales),
            "losses": computed(losses), "gradient": computed(x.grad),
            "mean": mean.item() if math.isfinite(mean.item()) else None, "meanGradient": computed(y.grad),
        }

    repeats = [3, 3, 1, 1, 1, 2]
    return {
        **header("ctc_loss(log_softmax(logits)): losses of rows, the gradient of sum(losses * scales), and the mean with its gradient"),
        "cases": [
            record(4, 9, 6, [[1, 2, 2], [5], [], [3, 4, 3, 1]], [9, 6, 4, 7]),
            record(2, 30, 11, [[int(v) for v in source.integers(10, 12) + 1], [7, 7, 7]], [30, 17]),
            record(3, 12, 5, [repeats, repeats[:4], repeats], [12, 6, 9], blank=4),
            record(3, 8, 5, [repeats, [1, 2], [1, 1]], [8, 8, 2], zero_infinity=True),
            record(3, 8, 5, [repeats, [1, 2], [1, 1]], [8, 8, 2]),
            record(2, 100, 12, [[int(v) for v in source.integers(11, 30) + 1], [int(v) for v in source.integers(11, 9) + 1]], [100, 81]),
        ],
    }
# ---- planes ------------------------------------------------------------------------------------------------------------

def planes():
    source = Source("planes")
    record = header("convolution, pooling and batch normalisation, each with every gradient of sum(output * scales)")

    def applied(function, leaves):
        leaves = [v.requires_grad_() for v in leaves if v is not None]
        y = function()
        scales = source.normal(*y.shape)
        (y * scales).sum().backward()
        return {"scales": given(scales), "output": computed(y)}, [computed(v.grad) for v in leaves]

    record["convolutions"] = []
    for x, weight, bias, stride, padding, dilation in [
        ((2, 3, 7, 6), (5, 3, 3, 3), True, (1, 1), (1, 1), (1, 1)),
        ((3, 2, 9, 8), (4, 2, 3, 2), True, (2, 1), (0, 1), (1, 2)),
        ((2, 4, 6, 11), (3, 4, 2, 5), False, (2, 3), (1, 2), (1, 1)),
        ((1, 2, 5, 5), (6, 2, 1, 1), True, (1, 1), (0, 0), (1, 1)),
    ]:
        x, weight, bias = source.normal(*x), source.normal(*weight), source.normal(weight[0]) if bias else None
        outcome, gradients = applied(lambda: nn.functional.conv2d(x, weight, bias, stride, padding, dilation), [x, weight, bias])
        record["convolutions"].append({
            "stride": stride, "padding": padding, "dilation": dilation, "x": given(x), "weight": given(weight),
            "bias": None if bias is None else given(bias), **outcome,
            "gradients": dict(zip(["x", "weight", "bias"], [*gradients, *([None] if bias is None else [])])),
        })

    record["maxPools"], record["avgPools"] = [], []
    for size, kernel, stride, padding, dilation in [((2, 3, 6, 8), (2, 2), (2, 2), (0, 0), (1, 1)), ((1, 2, 9, 7), (3, 2), (2, 1), (1, 1), (2, 1))]:
        x = source.normal(*size)
        outcome, [gradient] = applied(lambda: nn.functional.max_pool2d(x, kernel, stride, padding, dilation), [x])
        record["maxPools"].append({"kernelSize": kernel, "stride": stride, "padding": padding, "dilation": dilation, "x": given(x), **outcome, "gradient": gradient})
    for size, kernel, stride, padding, count in [((2, 3, 6, 8), (2, 2), (2, 2), (0, 0), True), ((1, 2, 9, 7), (3, 2), (2, 1), (1, 1), True), ((1, 2, 9, 7), (3, 4), (2, 1), (1, 2), False)]:
        x = source.normal(*size)
        outcome, [gradient] = applied(lambda: nn.functional.avg_pool2d(x, kernel, stride, padding, count_include_pad=count), [x])
        record["avgPools"].append({"kernelSize": kernel, "stride": stride, "padding": padding, "countPadding": count, "x": given(x), **outcome, "gradient": gradient})

    norm = nn.BatchNorm2d(3, momentum=0.25)
    with torch.no_grad():
        norm.weight.copy_(source.normal(3))
        norm.bias.copy_(source.normal(3))
    state = lambda: {name: computed(value.double()) for name, value in norm.state_dict().items()}
    record["batchNorm"] = {"momentum": 0.25, "parameters": state(), "steps": []}

    def step():
        norm.zero_grad()
        x = (source.normal(4, 3, 2, 5) * 2 + 1).float().double()
        outcome, [gradient] = applied(lambda: norm(x), [x])
        return {"x": given(x), **outcome, "gradients": {"x": gradient, "weight": computed(norm.weight.grad), "bias": computed(norm.bias.grad)}}

    record["batchNorm"]["steps"] = [step() for _ in range(3)]
    record["batchNorm"]["after"] = state()
    norm.eval()
    record["batchNorm"]["evaluation"] = step()
    return record


# ---- transducer ---------------------------------------------------------------------------------------------------------

def transducer():
    """Graves's forward variables as a plain loop over the lattice, differentiated by torch.autograd: torchaudio is not among Debian's packages."""
    source = Source("transducer")

    def loss_of(logits, target, n, blank):
        log_p = nn.functional.log_softmax(logits, -1)
        alphas = {}
        for t in range(n):
            for u in range(len(target) + 1):
                ways = []
                if t > 0:
                    ways.append(alphas[t - 1, u] + log_p[t - 1, u, blank])
                if u > 0:
                    ways.append(alphas[t, u - 1] + log_p[t, u - 1, target[u - 1]])
                alphas[t, u] = torch.logsumexp(torch.stack(ways), 0) if ways else torch.zeros(())
        return -(alphas[n - 1, len(target)] + log_p[n - 1, len(target), blank])

    def record(T, U, V, targets, input_lengths, blank=0):
        B = len(targets)
        logits, scales = source.normal(B, T, U + 1, V, scale=2.0), source.normal(B)
        x = logits.clone().requires_grad_()
        losses = torch.stack([loss_of(x[b], targets[b], input_lengths[b], blank) for b in range(B)])
        (losses * scales).sum().backward()
        return {
            "blank": blank, "logits": given(logits), "targets": targets, "inputLengths": input_lengths, "scales": given(scales),
            "losses": computed(losses), "gradient": computed(x.grad),
        }

    return {
        **header("transducer loss of log_softmax(logits): losses of rows, and the gradient of sum(losses * scales)"),
        "cases": [
            record(5, 4, 6, [[1, 2, 2, 5], [3], [], [4, 4, 4]], [5, 3, 2, 1]),
            record(9, 12, 4, [[int(v) for v in source.integers(3, 12)], [0, 1, 2]], [9, 7], blank=3),
        ],
    }


# ---- optimisers and schedules ------------------------------------------------------------------------------------------

def optimizers():
    source = Source("optimizers")
    start = source.normal(2, 5)
    gradients = [source.normal(2, 5, scale=10.0 ** source.state.uniform(-2, 1)) for _ in range(10)]
    cases = [
        ("SGD", {}), ("SGD", {"weight_decay": 0.1}), ("SGD", {"momentum": 0.9}), ("SGD", {"momentum": 0.9, "nesterov": True}),
        ("SGD", {"momentum": 0.9, "dampening": 0.5}), ("SGD", {"momentum": 0.8, "weight_decay": 0.05, "nesterov": True}),
        ("Adam", {}), ("Adam", {"betas": (0.8, 0.95), "eps": 1e-6}), ("Adam", {"weight_decay": 0.1}), ("Adam", {"amsgrad": True}),
        ("AdamW", {}), ("AdamW", {"weight_decay": 0.2}), ("AdamW", {"amsgrad": True, "weight_decay": 0.05}),
        ("RMSprop", {}), ("RMSprop", {"alpha": 0.9, "momentum": 0.7}), ("RMSprop", {"centered": True}), ("RMSprop", {"centered": True, "momentum": 0.5, "weight_decay": 0.1}),
        ("Adagrad", {}), ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.1}), ("Adagrad", {"initial_accumulator_value": 0.3}),
    ]
    records = []
    for name, options in cases:
        p = start.clone().requires_grad_()
        optimizer = getattr(torch.optim, name)([p], lr=0.03, **options)
        after = []
        for gradient in gradients:
            p.grad = gradient.clone()
            optimizer.step()
            after.append(p.detach().clone())
        records.append({"name": name, "options": options, "learningRate": 0.03, "after": computed(torch.stack(after))})

    clips = []
    for max_norm in [0.5, 3.0, 1e6]:
        parts = [torch.zeros(2, 3, requires_grad=True), torch.zeros(4, requires_grad=True)]
        given_parts = [source.normal(2, 3), source.normal(4)]
        for part, gradient in zip(parts, given_parts):
            part.grad = gradient.clone()
        norm = torch.nn.utils.clip_grad_norm_(parts, max_norm)
        clips.append({"maxNorm": max_norm, "gradients": [given(g) for g in given_parts], "norm": norm.item(), "clipped": [computed(part.grad) for part in parts]})
    return {
        **header("optimisers: parameters after each of ten steps with given gradients; options under torch's names"),
        "start": given(start), "gradients": given(torch.stack(gradients)), "cases": records, "clipNorm": clips,
    }


def schedules():
    def rates(make, steps=24, metrics=None):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
        scheduler = make(optimizer)
        values = []
        for step in range(steps):
            values.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step(metrics[step]) if metrics else scheduler.step()
        return values

    lr = torch.optim.lr_scheduler
    metrics = [5.0, 4.0, 4.0, 4.0, 4.0, 3.9999, 3.99985, 3.5, 3.6, 3.6, 3.6, 3.6, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4]
    table = [
        ("StepLR", {"step_size": 5, "gamma": 0.5}, None),
        ("MultiStepLR", {"milestones": [3, 8, 15], "gamma": 0.3}, None),
        ("ExponentialLR", {"gamma": 0.9}, None),
        ("CosineAnnealingLR", {"T_max": 20, "eta_min": 0.001}, None),
        ("CosineAnnealingWarmRestarts", {"T_0": 5, "T_mult": 2, "eta_min": 0.001}, None),
        ("LinearLR", {"start_factor": 0.1, "total_iters": 8}, None),
        ("OneCycleLR", {"max_lr": 0.4, "total_steps": 24, "cycle_momentum": False}, None),
        ("ReduceLROnPlateau", {"factor": 0.5, "patience": 2}, metrics),
        ("ReduceLROnPlateau", {"factor": 0.1, "patience": 1, "cooldown": 2, "min_lr": 0.0005, "threshold": 0.01, "threshold_mode": "abs"}, metrics),
        ("ReduceLROnPlateau", {"mode": "max", "factor": 0.2, "patience": 3}, metrics),
    ]
    return {
        **header("schedules: the learning rate in each of 24 steps from 0.1, stepped once after each; options under torch's names"),
        "learningRate": 0.1, "metrics": metrics,
        "cases": [{"name": name, "options": options, "rates": rates(lambda o: getattr(lr, name)(o, **options), metrics=m)} for name, options, m in table],
    }


# ---- audio ---------------------------------------------------------------------------------------------------------------
# Written out in NumPy from the definitions of Kaldi's features (feat/feature-window.cc, mel-computations.cc, feature-mfcc.cc) and of
# torchaudio's resample (a convolution with the kernels of all phases): neither library is needed.

def kaldi_frames(x, rate, length_ms, shift_ms, window, preemphasis):
    length, shift = int(rate * length_ms / 1000), int(rate * shift_ms / 1000)
    frames = np.stack([x[i * shift:i * shift + length] for i in range(1 + (len(x) - length) // shift)])
    frames = frames - frames.mean(axis=1, keepdims=True)
    frames = frames - preemphasis * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    hann = np.hanning(length)
    shapes = {"povey": hann ** 0.85, "hann": hann, "hamming": np.hamming(length), "rectangular": np.ones(length)}
    return frames * shapes[window]


def kaldi_log_mel(x, rate, bins, low, high, length_ms=25, shift_ms=10, window="povey", preemphasis=0.97):
    frames = kaldi_frames(x, rate, length_ms, shift_ms, window, preemphasis)
    size = 1 << (frames.shape[1] - 1).bit_length()
    power = np.abs(np.fft.rfft(frames, size)) ** 2
    mel = lambda hz: 1127.0 * np.log(1.0 + hz / 700.0)
    edges = np.linspace(mel(low), mel(high), bins + 2)
    lines = mel(np.arange(size // 2 + 1) * rate / size)
    banks = np.stack([np.interp(lines, edges[m:m + 3], [0.0, 1.0, 0.0], left=0.0, right=0.0) for m in range(bins)])
    banks[:, -1] = 0.0
    return np.log(np.maximum(power @ banks.T, np.finfo(np.float32).eps))


def kaldi_mfcc(log_mel, count, lifter):
    n = log_mel.shape[1]
    i, m = np.arange(count)[:, None], np.arange(n)[None, :]
    cosines = np.where(i == 0, np.sqrt(1 / n), np.sqrt(2 / n)) * np.cos(np.pi / n * (m + 0.5) * i)
    lifts = 1.0 + 0.5 * lifter * np.sin(np.pi * np.arange(count) / lifter) if lifter else np.ones(count)
    return (log_mel @ cosines.T) * lifts


def deltas_of(x):
    padded = np.concatenate([x[:1], x[:1], x, x[-1:], x[-1:]])
    n = len(x)
    return sum(k * (padded[2 + k:2 + k + n] - padded[2 - k:2 - k + n]) for k in (1, 2)) / 10


def resampled(x, old, new, width=6, rolloff=0.99):
    divisor = math.gcd(old, new)
    old, new = old // divisor, new // divisor
    base = min(old, new) * rolloff
    reach = math.ceil(width * old / base)
    t = (np.arange(0, -new, -1)[:, None] / new + np.arange(-reach, reach + old)[None, :] / old) * base
    t = np.clip(t, -width, width)
    kernels = np.sinc(t) * np.cos(t * np.pi / width / 2) ** 2 * base / old
    padded = np.concatenate([np.zeros(reach), x, np.zeros(reach + old)])
    blocks = [kernels @ padded[i:i + kernels.shape[1]] for i in range(0, len(x), old)]
    return np.concatenate(blocks)[:math.ceil(new * len(x) / old)]


def audio():
    source = np.random.RandomState(zlib.crc32(b"audio"))
    seconds = np.arange(2000) / 8000
    x = 0.4 * np.sin(2 * np.pi * (300 + 900 * seconds) * seconds) + 0.05 * source.randn(2000) + 0.02
    x[900:1400] = 0.0
    x = x.astype(np.float32).astype(np.float64)
    cases = []
    for options, mel in [
        ({"sampleRateHz": 8000}, dict(rate=8000, bins=40, low=20, high=4000)),
        ({"sampleRateHz": 8000, "window": "hann", "numMelBins": 23, "lowFrequencyHz": 100, "highFrequencyHz": -200, "preemphasis": 0},
         dict(rate=8000, bins=23, low=100, high=3800, window="hann", preemphasis=0.0)),
        ({"sampleRateHz": 16000, "window": "hamming", "frameLengthMs": 20, "frameShiftMs": 5, "numMelBins": 26, "highFrequencyHz": 7000},
         dict(rate=16000, bins=26, low=20, high=7000, window="hamming", length_ms=20, shift_ms=5)),
    ]:
        log_mel = kaldi_log_mel(x, **mel)
        cases.append({"options": options, "logMel": computed(log_mel), "mfcc": computed(kaldi_mfcc(log_mel, 13, 22)),
                      "mfccNoLifter": computed(kaldi_mfcc(log_mel, 13, 0)),
                      "deltas": computed(np.concatenate([log_mel, deltas_of(log_mel), deltas_of(deltas_of(log_mel))], axis=1))})
    rates = [(8000, 16000), (44100, 8000), (11025, 8000), (9, 10), (11, 10)]
    return {**header("Kaldi's log-mel and MFCC, deltas, torchaudio's resampling, written out in NumPy"), "samples": encode(x, np.float32),
            "features": cases, "resampled": [{"from": a, "to": b, "samples": computed(resampled(x[:700], a, b))} for a, b in rates]}
# ---- decoder with attention --------------------------------------------------------------------------------------------

def attention():
    """Bahdanau's and Luong's equations, step by step, around torch.nn.LSTMCell and GRUCell whose input is [x, context]."""
    B, T, I, H, S, M = 3, 4, 3, 5, 6, 7
    lengths, memory_lengths = [4, 2, 3], [6, 1, 4]

    def case(name, cell, kind, attend_first, A):
        source = Source(f"attention.{name}")
        G = {"lstm": 4, "gru": 3}[cell]
        p = {"weight_ih": source.normal(G * H, I), "weight_hh": source.normal(G * H, H, scale=0.5), "bias_ih": source.normal(G * H),
             "bias_hh": source.normal(G * H), "weight_context": source.normal(G * H, M, scale=0.5)}
        if kind != "dot":
            p["attention.weight_query"] = source.normal(A, H)
        if kind == "additive":
            p.update({"attention.weight_key": source.normal(A, M), "attention.bias_key": source.normal(A), "attention.score": source.normal(A)})
        x, memory = source.normal(B, T, I), source.normal(B, S, M)
        state = {"h": source.normal(B, H), **({"c": source.normal(B, H)} if cell == "lstm" else {}), "context": source.normal(B, M)}
        scales = {"output": source.normal(B, T, H), "context": source.normal(B, T, M), "weights": source.normal(B, T, S),
                  **{f"last_{k}": source.normal(*v.shape) for k, v in state.items()}}
        leaves = {"x": x, "memory": memory, **state, **p}
        for leaf in leaves.values():
            leaf.requires_grad_()
        weight = torch.cat([p["weight_ih"], p["weight_context"]], 1)
        functional = torch._VF.lstm_cell if cell == "lstm" else torch._VF.gru_cell

        def attend(h, b):
            m = memory[b, : memory_lengths[b]]
            query = h if kind == "dot" else p["attention.weight_query"] @ h
            if kind == "additive":
                keys = m @ p["attention.weight_key"].T + p["attention.bias_key"]
                e = torch.tanh(query + keys) @ p["attention.score"]
            else:
                e = m @ query
            weights = torch.softmax(e, 0)
            return weights @ m, nn.functional.pad(weights, (0, S - len(m)))

        outputs = {"output": torch.zeros(B, T, H), "context": torch.zeros(B, T, M), "weights": torch.zeros(B, T, S)}
        rows = {k: [[None] * T for _ in range(B)] for k in outputs}
        last = {k: [None] * B for k in state}
        for b in range(B):
            h, c, context = state["h"][b], state["c"][b] if cell == "lstm" else None, state["context"][b]
            for t in range(lengths[b]):
                if attend_first:
                    context, weights = attend(h, b)
                seen = torch.cat([x[b, t], context])[None]
                args = (weight, p["weight_hh"], p["bias_ih"], p["bias_hh"])
                if cell == "lstm":
                    h, c = (v[0] for v in functional(seen, (h[None], c[None]), *args))
                else:
                    h = functional(seen, h[None], *args)[0]
                if not attend_first:
                    context, weights = attend(h, b)
                for k, v in (("output", h), ("context", context), ("weights", weights)):
                    rows[k][b][t] = v
            for t in range(lengths[b], T):
                for k, width in (("output", H), ("context", M), ("weights", S)):
                    rows[k][b][t] = torch.zeros(width)
            for k, v in (("h", h), ("c", c), ("context", context)):
                if k in last:
                    last[k][b] = v
        result = {k: torch.stack([torch.stack(row) for row in v]) for k, v in rows.items()}
        result.update({f"last_{k}": torch.stack(v) for k, v in last.items()})
        sum((result[k] * scales[k]).sum() for k in result).backward()
        return {"cell": cell, "kind": kind, "attendFirst": attend_first, "attentionSize": A if kind == "additive" else None,
                "parameters": {k: given(v) for k, v in p.items()}, "x": given(x), "memory": given(memory),
                "state": {k: given(v) for k, v in state.items()}, "scales": {k: given(v) for k, v in scales.items()},
                "results": {k: computed(v) for k, v in result.items()},
                # Bahdanau's decoder never reads the context it starts with.
                "gradients": {k: computed(v.grad if v.grad is not None else torch.zeros_like(v)) for k, v in leaves.items()}}

    return {**header("decoder with attention; the gradients are of the sum of results * scales"), **{"sizes": {"inputSize": I, "hiddenSize": H, "memorySize": M}, "lengths": lengths, "memoryLengths": memory_lengths,
                   "cases": {"bahdanau gru": case("bahdanau_gru", "gru", "additive", True, 4),
                             "bahdanau lstm": case("bahdanau_lstm", "lstm", "additive", True, 4),
                             "additive lstm": case("additive_lstm", "lstm", "additive", False, 8),
                             "general gru": case("general_gru", "gru", "general", False, M),
                             "general lstm": case("general_lstm", "lstm", "general", True, M)}}}


# ---- files -------------------------------------------------------------------------------------------------------------

# ---- looking inside ----------------------------------------------------------------------------------------------------

def insight():
    """Two layers of torch.nn's cells: the norm of each hidden state's gradient, and Jacobians between states."""
    B, T, I, H = 3, 7, 4, 5
    cells = []
    for kind in ("RNN", "GRU", "LSTM"):
        source = Source(f"insight {kind}")
        stack = [getattr(nn, f"{kind}Cell")(I, H), getattr(nn, f"{kind}Cell")(H, H)]
        parameters = {}
        with torch.no_grad():
            for layer, cell in enumerate(stack):
                for name, p in cell.named_parameters():
                    p.copy_(source.normal(*p.shape, scale=0.75))
                    parameters[f"{name}_l{layer}"] = given(p)
        x, scales = source.normal(B, T, I), source.normal(B, T, H)

        def step(x_t, states):
            after = []
            for cell, state in zip(stack, states):
                new = cell(x_t, state)
                after.append(new)
                x_t = new[0] if kind == "LSTM" else new
            return after

        def zeros(batch):
            zero = lambda: torch.zeros(batch, H)
            return [(zero(), zero()) if kind == "LSTM" else zero() for _ in stack]

        states, hidden, loss = zeros(B), [[], []], 0
        for t in range(T):
            states = step(x[:, t], states)
            for layer, state in enumerate(states):
                h = state[0] if kind == "LSTM" else state
                h.retain_grad()
                hidden[layer].append(h)
            loss = loss + (hidden[1][t] * scales[:, t]).sum()
        loss.backward()
        norms = [[float(h.grad.norm()) for h in layer] for layer in hidden]

        # From one flat state [h of each layer, c of each layer] to the one k steps later.
        def flat(states):
            parts = [[s[i] for s in states] for i in range(2)] if kind == "LSTM" else [states]
            return torch.cat([part for group in parts for part in group], dim=-1).reshape(-1)

        def unflat(v):
            v = v.reshape(-1, 1, H)
            return [(v[0], v[2]), (v[1], v[3])] if kind == "LSTM" else [v[0], v[1]]

        trajectory = [flat(zeros(1)).detach()]
        for t in range(T):
            trajectory.append(flat(step(x[:1, t], unflat(trajectory[-1]))).detach())
        jacobians = []
        for k in range(1, T):
            def later(v, k=k):
                states = unflat(v)
                for t in range(T - k, T):
                    states = step(x[:1, t], states)
                return flat(states)
            J = torch.autograd.functional.jacobian(later, trajectory[T - k])
            block = lambda layer: J[layer * H:(layer + 1) * H, layer * H:(layer + 1) * H]
            jacobians.append({
                "state": float(J.norm() / math.sqrt(len(J))),
                "hidden": [float(block(layer).norm() / math.sqrt(H)) for layer in range(2)],
                "spectral": float(torch.linalg.matrix_norm(J, ord=2)),
            })
        cells.append({"kind": kind, "parameters": parameters, "x": given(x), "scales": given(scales), "norms": norms, "jacobians": jacobians})
    return {**header("norms of gradients and of Jacobians through time, two layers"), "cells": cells}


# ---- files -------------------------------------------------------------------------------------------------------------

FIXTURES = {"recurrent": recurrent, "cells": cells, "losses": losses, "layers": layers, "crf": crf, "ctc": ctc, "transducer": transducer, "optimizers": optimizers, "schedules": schedules, "attention": attention, "planes": planes}
FIXTURES["audio"] = audio
FIXTURES["insight"] = insight


def reservoir():
    sys.path.insert(0, str(HERE))
    sys.dont_write_bytecode = True
    from reservoir import fixture

    return fixture(Source, given, computed, header)


FIXTURES["reservoir"] = reservoir


def difference(path, old, new):
    """The first place where two fixtures differ by more than rounding; None when they do not."""
    if isinstance(old, dict) and isinstance(new, dict):
        if "float64" in old and "float64" in new:
            a, b = (np.frombuffer(base64.b64decode(v["float64"])) for v in (old, new))
            same = old["shape"] == new["shape"] and np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)
            return None if same else path
        if old.keys() != new.keys():
            return path
        return next((found for key in old if (found := difference(f"{path}.{key}", old[key], new[key]))), None)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return next((found for i, (a, b) in enumerate(zip(old, new)) if (found := difference(f"{path}[{i}]", a, b))), None)
    if isinstance(old, float) and isinstance(new, float):
        return None if math.isclose(old, new, rel_tol=1e-9, abs_tol=1e-12) else path
    return None if old == new else path


def main():
    check = "--check" in sys.argv[1:]
    failed = False
    for name, make in FIXTURES.items():
        path = HERE / f"{name}.json"
        fresh = json.loads(json.dumps(make()))
        if not check:
            path.write_text(json.dumps(fresh, separators=(",", ":")) + "\n")
            print(f"{path.name}: {path.stat().st_size // 1024} kB")
            continue
        recorded = json.loads(path.read_text())
        for fixture in (fresh, recorded):
            fixture.pop("torch"), fixture.pop("numpy")
        found = difference(name, recorded, fresh)
        print(f"{path.name}: {'as recorded' if found is None else f'differs at {found}'}")
        failed = failed or found is not None
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
