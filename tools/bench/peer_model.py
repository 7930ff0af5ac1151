"""models/sp8192_recur.pgm in PyTorch, with what PyTorch has for it: the peer that tools/bench.sh compares with.

Parameters have the names and shapes of the .pgm file, so that weights move both ways. `Model` is a function of them; products and
attention go to bf16 where autocast says so, the residual stream, losses and statistics are float32 in any case.
"""
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

EPS = torch.finfo(torch.float32).eps


@dataclass(frozen=True)
class Config:
    """Constants of models/base.pgm and sp8192_recur.pgm, under their names there."""
    vocab: int = 8192
    dim: int = 512
    layers: int = 11
    heads: int = 8
    kv_heads: int = 4
    mlp_mult: float = 4.0
    leaky: float = 0.5
    rope_base: float = 1e4
    rope_dims: int = 16
    rope_train_len: int = 2048
    softcap: float = 30.0
    qk_gain: float = 5.25
    embed_std: float = 0.005
    parallel_from: int = 7
    loop_start: int = 3
    loop_end: int = 5
    num_loops: int = 2

    @property
    def head_dim(self):
        return self.dim // self.heads

    @property
    def hidden(self):
        return int(self.mlp_mult * self.dim)

    def order(self, looped):
        plain = list(range(self.layers))
        if not looped or self.num_loops == 0:
            return plain
        segment = plain[self.loop_start:self.loop_end + 1]
        return plain[:self.loop_start] + segment * (self.num_loops + 1) + plain[self.loop_end + 1:]

    @property
    def num_skips(self):
        return len(self.order(True)) // 2


def shapes(config):
    """{parameter: shape} in the order of the .pgm file."""
    d, kv = config.dim, config.kv_heads * config.head_dim
    result = {"tok_emb.weight": (config.vocab, d), "skip_weights": (config.num_skips, d), "skip_gates": (config.num_skips, d)}
    for i in range(config.layers):
        result |= {f"blocks.{i}.{name}": shape for name, shape in {
            "resid_mix": (2, d), "attn_scale": (d,), "mlp_scale": (d,), "attn.q_gain": (config.heads,), "attn.c_q.weight": (d, d),
            "attn.c_k.weight": (kv, d), "attn.c_v.weight": (kv, d), "attn.proj.weight": (d, d),
            "mlp.fc.weight": (config.hidden, d), "mlp.proj.weight": (d, config.hidden)}.items()}
    return result


def group_of(name):
    if name == "tok_emb.weight":
        return "embed"
    return "matrix" if name.endswith(".weight") else "scalar"


def draw(config, seed):
    """Weights as after some training: near their initial values, but nothing is zero, so that every part of the network works."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in shapes(config).items():
        noise = torch.randn(shape, generator=generator)
        if name == "tok_emb.weight":
            weights[name] = noise * 0.1
        elif group_of(name) == "matrix":
            weights[name] = noise / math.sqrt(shape[1])
        else:
            weights[name] = noise * 0.1 + {"attn.q_gain": config.qk_gain, "attn_scale": 1, "mlp_scale": 1, "skip_weights": 1}.get(
                name.split(".", 2)[-1] if name.startswith("blocks") else name, 0)
            if name.endswith("resid_mix"):
                weights[name][0] += 1
    return weights


class Model:
    """loss(), nll() and so on of parameters `p`: {name: tensor}."""

    def __init__(self, config, parameters):
        self.config, self.p = config, parameters
        self.tables = {}

    def rope_table(self, length):
        c = self.config
        if length not in self.tables:
            base = c.rope_base
            if length > c.rope_train_len:
                base *= (length / c.rope_train_len) ** (c.rope_dims / (c.rope_dims - 2))
            frequencies = base ** (-torch.arange(0, c.rope_dims, 2) / c.rope_dims)
            angles = torch.outer(torch.arange(length), frequencies)[:, None]  # [T, 1, rope_dims / 2]
            self.tables[length] = angles.cos(), angles.sin()
        return self.tables[length]

    def rotate(self, x):
        half = self.config.rope_dims // 2
        cos, sin = (table.to(x.dtype) for table in self.rope_table(x.shape[1]))
        a, b, rest = x.split((half, half, x.shape[-1] - 2 * half), -1)
        return torch.cat((a * cos + b * sin, b * cos - a * sin, rest), -1)

    def attention(self, z, i):
        c, p, name = self.config, self.p, f"blocks.{i}.attn."
        B, T, _ = z.shape
        q = F.linear(z, p[name + "c_q.weight"]).view(B, T, c.heads, c.head_dim)
        k = F.linear(z, p[name + "c_k.weight"]).view(B, T, c.kv_heads, c.head_dim)
        v = F.linear(z, p[name + "c_v.weight"]).view(B, T, c.kv_heads, c.head_dim)
        q = self.rotate(F.rms_norm(q, (c.head_dim,), eps=EPS)) * p[name + "q_gain"].to(q.dtype)[:, None]
        k = self.rotate(F.rms_norm(k, (c.head_dim,), eps=EPS))
        y = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True,
                                           enable_gqa=c.heads != c.kv_heads).transpose(1, 2)
        direction = F.normalize(v, dim=-1)[:, :, :, None]  # exclusive self-attention: nothing along the position's own value
        y = y.reshape(B, T, c.kv_heads, c.heads // c.kv_heads, c.head_dim)
        y = y - (y * direction).sum(-1, keepdim=True) * direction
        return F.linear(y.reshape(B, T, c.dim), p[name + "proj.weight"])

    def mlp(self, z, i):
        hidden = F.leaky_relu(F.linear(z, self.p[f"blocks.{i}.mlp.fc.weight"]), self.config.leaky)
        return F.linear(hidden.square(), self.p[f"blocks.{i}.mlp.proj.weight"])

    def norm(self, x):
        return F.rms_norm(x, (self.config.dim,), eps=EPS)

    def block(self, x, x0, i):
        p, name, scale = self.p, f"blocks.{i}.", 1 / math.sqrt(i + 1)
        mix = p[name + "resid_mix"]
        u = mix[0] * x + mix[1] * x0
        z = self.norm(u) * scale
        y = u + p[name + "attn_scale"] * self.attention(z, i)
        if not 0 <= self.config.parallel_from <= i:
            z = self.norm(y) * scale
        return y + p[name + "mlp_scale"] * self.mlp(z, i)

    def hidden(self, tokens, looped):
        """[B, T, dim], normed."""
        order, p = self.config.order(looped), self.p
        x0 = x = self.norm(F.embedding(tokens, p["tok_emb.weight"]))
        skips, half = [], len(order) // 2
        for visit, i in enumerate(order):
            if visit >= half and skips:
                j = visit - half
                x = torch.lerp(p["skip_weights"][j] * skips.pop(), x, torch.sigmoid(p["skip_gates"][j]))
            x = self.block(x, x0, i)
            if visit < half:
                skips.append(x)
        return self.norm(x)

    def nll(self, tokens, targets, looped, last=None, reduction="none"):
        """Of all positions, or of the last `last` ones: only theirs go through the head."""
        h = self.hidden(tokens, looped)
        if last is not None:
            h, targets = h[:, -last:], targets[:, -last:]
        z = F.linear(h, self.p["tok_emb.weight"]).float()
        logits = self.config.softcap * torch.tanh(z / self.config.softcap)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction=reduction)

    def loss(self, tokens, targets, looped):
        return self.nll(tokens, targets, looped, reduction="mean")
