"""
Golden values of echo state networks, by NumPy, written out from the papers' equations: a reservoir's states, spectral radii, ridge
regression (singular too), recursive least squares, intrinsic plasticity. make.py writes them down.
"""
import numpy as np


def states(W, W_in, b, W_fb, a, x, feedback, h, lengths):
    B, T, _ = x.shape
    output = np.zeros((B, T, W.shape[0]))
    h = h.copy()
    for r in range(B):
        for t in range(lengths[r]):
            h[r] = (1 - a) * h[r] + a * np.tanh(W_in @ x[r, t] + b + W @ h[r] + W_fb @ feedback[r, t])
            output[r, t] = h[r]
    return output, h


def network(source, given, computed):
    B, T, I, H, O = 3, 6, 2, 7, 2
    array = lambda *shape, scale=1.0: source.normal(*shape, scale=scale).numpy()
    mask = np.asarray([[1.0 if (i * 5 + j * 3) % 4 == 0 else 0.0 for j in range(H)] for i in range(H)])
    W = array(H, H, scale=0.8) * mask
    W_in, b, W_fb = array(H, I, scale=0.7), array(H, scale=0.3), array(H, O, scale=0.5)
    a = float(np.float32(0.35))
    x, feedback, h = array(B, T, I), array(B, T, O), array(B, H, scale=0.5)
    lengths = [6, 2, 4]
    output, last = states(W, W_in, b, W_fb, a, x, feedback, h, lengths)
    parts = dict(W=W, W_in=W_in, b=b, W_fb=W_fb, x=x, feedback=feedback, h=h)
    from torch import tensor

    return {
        "leakRate": a,
        "lengths": lengths,
        **{name: given(tensor(value)) for name, value in parts.items()},
        "output": computed(output),
        "last": computed(last),
    }


def radii(source, given):
    from torch import tensor

    found = []
    for n, density, wants_complex in [(1, 1.0, False), (8, 1.0, True), (30, 0.2, True), (60, 0.1, False), (70, 1.0, True), (90, 0.05, True)]:
        while True:
            W = source.normal(n, n).numpy() * (source.state.uniform(size=(n, n)) < density)
            eigenvalues = np.linalg.eigvals(W)
            largest = eigenvalues[np.argmax(np.abs(eigenvalues))]
            if bool(abs(largest.imag) > 1e-9) == wants_complex:
                break
        found.append({"W": given(tensor(W)), "radius": float(np.abs(largest)), "isComplex": wants_complex})
    return found


def ridges(source, given, computed):
    from torch import tensor

    found = []
    for rows, features, targets, penalty, twice in [(40, 6, 2, 0.5, False), (25, 30, 1, 0.01, False), (50, 8, 3, 0.0, False), (60, 9, 2, 0.0, True)]:
        Z, Y = source.normal(rows, features).numpy() + 0.5, source.normal(rows, targets).numpy() - 1
        Z, Y = Z.astype(np.float32).astype(float), Y.astype(np.float32).astype(float)
        if twice:
            Z[:, 4] = 2 * Z[:, 1]
            Z[:, 7] = 3.0
        Zc, Yc = Z - Z.mean(0), Y - Y.mean(0)
        if twice:
            W = np.linalg.lstsq(Zc, Yc, rcond=1e-10)[0].T
        else:
            W = np.linalg.solve(Zc.T @ Zc + penalty * np.eye(features), Zc.T @ Yc).T
        bias = Y.mean(0) - W @ Z.mean(0)
        told = Z @ W.T + bias
        found.append({
            "Z": given(tensor(Z)), "Y": given(tensor(Y)), "penalty": penalty, "isSingular": twice,
            "weight": computed(W), "bias": computed(bias), "told": computed(told),
            "squaredErrors": computed(((told - Y) ** 2).sum(0)),
        })
    return found


def recursive(source, given, computed):
    from torch import tensor

    F, O, T, ridge, forgetting = 5, 2, 30, 0.5, 0.97
    Z, Y = source.normal(T, F).numpy(), source.normal(T, O).numpy()
    P, W, errors = np.eye(F) / ridge, np.zeros((O, F)), []
    for z, y in zip(Z, Y):
        error = W @ z - y
        k = P @ z / (forgetting + z @ P @ z)
        W -= np.outer(error, k)
        P = (P - np.outer(k, z @ P)) / forgetting
        errors.append(error)
    return {"ridge": ridge, "forgetting": forgetting, "Z": given(tensor(Z)), "Y": given(tensor(Y)), "weight": computed(W), "errors": computed(np.asarray(errors))}


def plasticity(source, given, computed):
    from torch import tensor

    H, I, T = 6, 1, 40
    W, W_in, b = source.normal(H, H, scale=0.3).numpy(), source.normal(H, I).numpy(), source.normal(H, scale=0.2).numpy()
    x = source.normal(1, T, I).numpy()
    a, mu, sigma, eta, epochs = float(np.float32(0.6)), 0.1, 0.3, 0.002, 3
    gain, shift = np.ones(H), np.zeros(H)
    for _ in range(epochs):
        h = np.zeros(H)
        for t in range(T):
            u = W @ h + W_in @ x[0, t] + b
            y = np.tanh(gain * u + shift)
            h = (1 - a) * h + a * y
            step = -eta * (-mu / sigma**2 + y / sigma**2 * (2 * sigma**2 + 1 - y**2 + mu * y))
            shift = shift + step
            gain = gain + eta / gain + step * u
    return {
        "leakRate": a, "mean": mu, "deviation": sigma, "learningRate": eta, "epochs": epochs,
        **{name: given(tensor(value)) for name, value in dict(W=W, W_in=W_in, b=b, x=x).items()},
        "gain": computed(gain), "shift": computed(shift),
    }


def fixture(Source, given, computed, header):
    return {
        **header("echo state networks by NumPy: states, spectral radii, ridge regression, recursive least squares, intrinsic plasticity"),
        "network": network(Source("reservoir"), given, computed),
        "radii": radii(Source("radii"), given),
        "ridges": ridges(Source("ridges"), given, computed),
        "recursive": recursive(Source("recursive"), given, computed),
        "plasticity": plasticity(Source("plasticity"), given, computed),
    }
