"""The words of the library that `model` and `loss` may use, on PyTorch. Each takes the interpreter and its arguments."""
import fnmatch
import math

import torch
import torch.nn.functional as F

is_tensor = torch.is_tensor


def tensor(value):
    return value if is_tensor(value) else torch.tensor(float(value))


def floats(x):
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())


def elementwise(on_tensors, on_numbers):
    return lambda _, x: on_tensors(x) if is_tensor(x) else on_numbers(x)


def extremum(first_wins, on_numbers):
    """At ties the gradient goes to the first."""

    def word(_, a, b):
        if not is_tensor(a) and not is_tensor(b):
            return on_numbers(a, b)
        a, b = tensor(a), tensor(b)
        return torch.where(first_wins(a, b), a, b)

    return word


def clamp(_, x, lo, hi):
    if is_tensor(x):
        return x.clamp(tensor(lo), tensor(hi)) if is_tensor(lo) or is_tensor(hi) else x.clamp(lo, hi)
    return min(max(x, lo), hi)


def leaky_relu(_, x, slope):
    return F.leaky_relu(x, slope) if is_tensor(x) else x * (1 if x > 0 else slope)


def reduction(over_axis, over_all):
    return lambda _, x, axis=None: over_all(floats(x)) if axis is None else over_axis(floats(x), axis)


def sum_word(_, x, axis=None):
    if not isinstance(x, list):
        return floats(x).sum() if axis is None else floats(x).sum(axis, keepdim=True)
    total = x[0] if x else 0
    for value in x[1:]:
        total = total + value
    return total


def rms_norm(_, x):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 2.0**-23)


def rope(_, x, freqs):
    positions = torch.arange(x.shape[1], dtype=x.dtype)
    angles = torch.outer(positions, torch.tensor(freqs, dtype=x.dtype))
    cos, sin, n = angles.cos()[None, :, None], angles.sin()[None, :, None], len(freqs)
    a, b, rest = x[..., :n], x[..., n:2 * n], x[..., 2 * n:]
    return torch.cat((a * cos + b * sin, b * cos - a * sin, rest), -1)


def attention(_, q, k, v, segment=None):
    T, groups = q.shape[1], q.shape[2] // k.shape[2]
    k, v = k.repeat_interleave(groups, 2), v.repeat_interleave(groups, 2)
    scores = torch.einsum("bthd,bshd->bhts", q, k) / math.sqrt(q.shape[-1])
    hidden = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)[None, None]
    if segment is not None:
        hidden = hidden | (segment[:, None, :, None] != segment[:, None, None, :])
    return torch.einsum("bhts,bshd->bthd", scores.masked_fill(hidden, -math.inf).softmax(-1), v)


def xsa(_, y, v):
    B, T, H, D = y.shape
    along = F.normalize(v, dim=-1).unsqueeze(-2)
    grouped = y.reshape(B, T, v.shape[2], H // v.shape[2], D)
    return (grouped - (grouped * along).sum(-1, keepdim=True) * along).reshape(B, T, H, D)


def reshape(interpreter, x, shape):
    if shape and shape[0] == "...":
        shape, kept, have = shape[1:], x.dim(), 1
        while have != math.prod(shape) and kept > 0:
            kept -= 1
            have *= x.shape[kept]
        shape = list(x.shape[:kept]) + shape
    return x.reshape(shape)


def shift(_, x, n):
    if n == 0:
        return x
    y = torch.zeros_like(x)
    if n > 0:
        y[:, n:] = x[:, :-n]
    else:
        y[:, :n] = x[:, -n:]
    return y


def cross_entropy(_, z, ids):
    return F.cross_entropy(z.reshape(-1, z.shape[-1]), ids.reshape(-1))


def logsumexp(_, x, axis=None):
    return torch.logsumexp(x.reshape(-1), 0) if axis is None else torch.logsumexp(x, axis, keepdim=True)


def quantile(_, x, q, axis=None):
    return torch.quantile(x.detach(), q) if axis is None else torch.quantile(x.detach(), q, axis, keepdim=True)


def recur(interpreter, init, order, layer, skips=0, merge=None):
    state, half, stack = init, len(order) // 2, []
    for visit, label in enumerate(order):
        position = visit - half
        if 0 <= position < skips and stack:
            state = interpreter.call(merge, [state, stack.pop(), position])
        interpreter.ambient["visit"] = visit
        state = interpreter.call(layer, [state, label])
        if visit < half:
            stack.append(state)
    interpreter.ambient.pop("visit", None)
    return state


def params(interpreter, glob):
    return [interpreter.weights[name] for name in interpreter.declared if fnmatch.fnmatchcase(name, glob)]


def f16(_, x):
    return x.detach().half().to(x.dtype)


class Draw:
    """What a random initialiser is: its weights come from a file here."""

    def __mul__(self, _):
        return self

    __rmul__ = __truediv__ = __mul__


def draw(*_):
    return Draw()


WORDS = {
    "pi": math.pi,
    "abs": elementwise(torch.abs, abs), "sqrt": elementwise(torch.sqrt, math.sqrt),
    "exp": elementwise(torch.exp, math.exp), "log": elementwise(torch.log, math.log),
    "tanh": elementwise(torch.tanh, math.tanh), "cos": elementwise(torch.cos, math.cos),
    "sigmoid": elementwise(torch.sigmoid, lambda x: 1 / (1 + math.exp(-x))),
    "floor": elementwise(torch.floor, lambda x: float(math.floor(x))), "round": elementwise(torch.round, lambda x: float(round(x))),
    "max": extremum(lambda a, b: a >= b, max), "min": extremum(lambda a, b: a <= b, min),
    "clamp": clamp, "leaky_relu": leaky_relu, "lerp": lambda _, a, b, t: a + t * (b - a), "xor": lambda _, a, b: a ^ b,
    "sum": sum_word, "mean": reduction(lambda x, a: x.mean(a, keepdim=True), torch.mean),
    "amax": reduction(lambda x, a: x.amax(a, keepdim=True), lambda x: x.amax(tuple(range(x.dim())))),
    "std": reduction(lambda x, a: x.std(a, keepdim=True), torch.std),
    "norm": reduction(lambda x, a: x.norm(dim=a, keepdim=True), torch.norm),
    "logsumexp": logsumexp, "quantile": quantile, "cumsum": lambda _, x, axis: x.cumsum(axis),
    "reshape": reshape, "transpose": lambda _, x: x.transpose(-1, -2), "shift": shift,
    "shape": lambda _, x: list(x.shape), "size": lambda _, x, axis: x.shape[axis],
    "iota": lambda _, n: torch.arange(n), "eye": lambda _, n: torch.eye(n),
    "rows": lambda _, *values: torch.tensor([[float(value)] for value in values]),
    "len": lambda _, x: len(x), "has": lambda _, x, v: int(v in x), "int": lambda _, x: int(x),
    "embed": lambda _, table, ids: F.embedding(ids, table), "linear": lambda _, x, w: F.linear(x, w),
    "rms_norm": rms_norm, "normalize": lambda _, x: F.normalize(x, dim=-1), "rope": rope, "attention": attention, "xsa": xsa,
    "tanh_cap": lambda _, z, s: s * torch.tanh(z / s), "cross_entropy": cross_entropy,
    "stop_gradient": lambda _, x: x.detach(), "f32": lambda _, x: x, "f16": f16,
    "recur": recur, "params": params, "normal": draw, "orthogonal": draw,
}
