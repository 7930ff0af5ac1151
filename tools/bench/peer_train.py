"""The peer's optimizer step and GPTQ: what models/base.pgm and lib/ say, in PyTorch. See peer_model.py."""
import math
from collections import defaultdict
from dataclasses import dataclass

import torch

from peer_model import group_of


@dataclass(frozen=True)
class Rates:
    """Constants of models/base.pgm and sp8192_recur.pgm, under their names there."""
    embed_lr: float = 0.03
    scalar_lr: float = 0.02
    matrix_lr: float = 0.022
    embed_wd: float = 0.085
    scalar_wd: float = 0.02
    matrix_wd: float = 0.095
    betas: tuple = (0.9, 0.95)
    adam_eps: float = 1e-8
    momentum: float = 0.99
    momentum_start: float = 0.92
    momentum_warmup: int = 1500
    clip: float = 0.3
    ema: float = 0.9965
    ns: tuple = ((3.4445, -4.7750, 2.0315),) * 5


def newton_schulz(x, coefficients):
    """Of matrices stacked, [n, rows, columns]."""
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    for a, b, c in coefficients:
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Optimizer:
    """Clipping, Muon for matrices (all of one shape at once), AdamW for the rest, and the average of all weights."""

    def __init__(self, parameters, low_precision, compiled, rates=Rates()):
        self.rates, self.low_precision, self.step_number = rates, low_precision, 0
        self.parameters = list(parameters.values())
        groups = defaultdict(list)
        for name, tensor in parameters.items():
            groups[group_of(name)].append(tensor)
        self.by_shape = defaultdict(list)
        for tensor in groups["matrix"]:
            self.by_shape[tensor.shape].append(tensor)
        self.momenta = {shape: [torch.zeros_like(t) for t in tensors] for shape, tensors in self.by_shape.items()}
        self.adamw = torch.optim.AdamW(
            [{"params": groups[name], "lr": getattr(rates, name + "_lr"), "weight_decay": getattr(rates, name + "_wd")}
             for name in ("embed", "scalar")], betas=rates.betas, eps=rates.adam_eps, fused=True)
        self.average = [tensor.detach().clone() for tensor in self.parameters]
        self.direction = torch.compile(self.direction_of, dynamic=False) if compiled else self.direction_of

    def direction_of(self, gradients, momenta, momentum):
        """The update of matrices of one shape."""
        u = torch.stack(gradients) + momentum * torch.stack(momenta)
        u = u / torch.linalg.vector_norm(u, dim=-1, keepdim=True).clamp_min(1e-7)
        u = newton_schulz(u.bfloat16() if self.low_precision else u, self.rates.ns).float()
        return u * math.sqrt(max(1, u.shape[-2] / u.shape[-1]))

    @torch.no_grad()
    def step(self):
        r = self.rates
        torch.nn.utils.clip_grad_norm_([t for t in self.parameters if t.grad is not None], r.clip, foreach=True)
        f = min(self.step_number / r.momentum_warmup, 1)
        momentum = torch.tensor((1 - f) * r.momentum_start + f * r.momentum)  # a tensor, so that nothing is compiled anew
        for shape, tensors in self.by_shape.items():
            gradients, momenta = [t.grad for t in tensors], self.momenta[shape]
            torch._foreach_mul_(momenta, momentum)
            torch._foreach_add_(momenta, gradients)
            update = self.direction(gradients, momenta, momentum)
            torch._foreach_mul_(tensors, 1 - r.matrix_lr * r.matrix_wd)
            torch._foreach_add_(tensors, list(update.unbind()), alpha=-r.matrix_lr)
        self.adamw.step()
        torch._foreach_lerp_(self.average, self.parameters, 1 - r.ema)
        self.step_number += 1


def gptq(weight, hessian, scale, top, block=128, damp=0.01):
    """Codes of a matrix [rows, columns], int8. Works on its transpose, so that a column lies in one piece."""
    h, dead = hessian.clone(), hessian.diagonal() == 0
    h[dead, dead] = 1
    h.diagonal().add_(damp * h.diagonal().mean())
    order = torch.argsort(h.diagonal(), descending=True)
    u = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(h[order][:, order])), upper=True)
    w = weight.t()[order].contiguous()
    w[dead[order]] = 0
    codes, columns = torch.empty(w.shape, dtype=torch.int8), w.shape[0]
    for begin in range(0, columns, block):
        end = min(begin + block, columns)
        part, factor = w[begin:end], u[begin:end, begin:end]
        errors = torch.empty_like(part)
        for j in range(end - begin):
            q = (part[j] / scale).round_().clamp_(-top, top)
            codes[begin + j] = q
            errors[j] = (part[j] - q * scale) / factor[j, j]
            part[j + 1:].addr_(factor[j, j + 1:], errors[j], alpha=-1)
        w[end:].addmm_(u[begin:end, end:].t(), errors, alpha=-1)
    result = torch.empty_like(codes)
    result[order] = codes
    return result.t()


def sdclip_scale(weight, bits, k):
    top = 2 ** (bits - 1) - 1
    return (k * weight.std(1) / top).clamp_min(1e-10).half().float(), top


def quantize_all(parameters, hessians, matrix=(6, 12.85), embed=(8, 20.0)):
    """Codes of the embedding and of all matrices: {name: int8}."""
    result = {}
    for name, weight in parameters.items():
        if group_of(name) != "scalar":
            scale, top = sdclip_scale(weight, *(embed if group_of(name) == "embed" else matrix))
            result[name] = gptq(weight, hessians[name], scale, top)
    return result
