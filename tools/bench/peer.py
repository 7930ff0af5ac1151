#!/usr/bin/env python3
"""The peer of tools/bench.sh: runs peer_model.py in PyTorch. Started by bench.py in the virtual environment that has PyTorch.

peer.py draw WEIGHTS                 writes weights (safetensors)
peer.py check WEIGHTS SHARD OURS     compares loss and gradients with what `pgrt probe` wrote, of one sequence after another
peer.py gptq GOLDEN                  compares codes with those of tests/golden/gptq
peer.py serve WEIGHTS SHARD          runs pieces on command, as pg-pieces does: lines "ROLE PHASE SEQUENCES"
"""
import argparse
import dataclasses
import json
import os
import resource
import sys
import time

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import peer_model
import peer_train


def read_tokens(shard, count):
    return torch.from_numpy(np.fromfile(shard, "<u2", count, offset=1024).astype(np.int64))


def draw(options):
    save_file(peer_model.draw(options.config, 314), options.weights)


class Side:
    """The peer in one mode: eager or compiled, in float32 or with products in bf16."""

    def __init__(self, options):
        self.options = options
        self.bf16, compiled = options.numerics == "bf16", options.mode == "compile"
        self.parameters = {name: tensor.requires_grad_() for name, tensor in load_file(options.weights).items()}
        self.model = peer_model.Model(options.config, self.parameters)
        self.model.rope_table(options.seq)  # now: if it appeared within a call, torch.compile would compile the next one anew
        wrap = (lambda function: torch.compile(function, dynamic=False)) if compiled else lambda function: function
        self.loss, self.nll = wrap(self.model.loss), wrap(self.model.nll)
        self.optimizer, self.compiled, self.hessians = None, compiled, None

    def batch(self, sequences):
        count = sequences * self.options.seq
        tokens = read_tokens(self.options.shard, count + 1)
        return tokens[:-1].view(sequences, -1), tokens[1:].view(sequences, -1)

    def train(self, looped, tokens, targets):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            loss = self.loss(tokens, targets, looped)
        loss.backward()
        return loss.detach()

    def update(self):
        if not self.optimizer:
            self.optimizer = peer_train.Optimizer(self.parameters, self.bf16, self.compiled)
        self.optimizer.step()

    def score(self, looped, tokens, targets, last=None):
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            return self.nll(tokens, targets, looped, last)

    def draw_hessians(self):
        """Of 8192 random inputs for each matrix: GPTQ takes as long whatever they hold."""
        generator, self.hessians = torch.Generator().manual_seed(1), {}
        for name, tensor in self.parameters.items():
            if peer_model.group_of(name) != "scalar":
                x = torch.randn(8192, tensor.shape[1], generator=generator)
                self.hessians[name] = x.t() @ x

    def run(self, role, phase, sequences):
        """Seconds, and the loss where there is one."""
        looped, inputs = phase == "looped", self.batch(sequences)
        if role == "quantize" and not self.hessians:
            self.draw_hessians()
        begin = time.perf_counter()
        loss = None
        if role == "train":
            loss = self.train(looped, *inputs)
        elif role == "update":
            self.update()
        elif role == "score":
            loss = self.score(looped, *inputs)
        elif role == "end":
            loss = self.score(looped, *inputs, last=self.options.stride)
        elif role == "quantize":
            with torch.no_grad():
                peer_train.quantize_all(self.parameters, self.hessians)
        else:
            sys.exit(f"peer.py: unknown piece '{role}'")
        seconds = time.perf_counter() - begin
        return {"seconds": seconds} | ({} if loss is None else {"loss": loss.double().mean().item()})


def serve(options):
    side = Side(options)
    for line in sys.stdin:
        role, *rest = line.split()
        if role == "memory":  # as the system counts it: with the interpreter and its libraries, as ours with its own
            answer = {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        else:
            answer = side.run(role, rest[0] if rest else "plain", int(rest[1]) if len(rest) > 1 else 1)
        print(json.dumps(answer), flush=True)


def check(options):
    """The loss's difference, and the norm of the gradients' differences, relative to ours: of the tensor that differs most (one of
    next to nothing is compared with the largest), and of all together."""
    side = Side(options)
    loss = side.train(options.phase == "looped", *side.batch(options.sequences))
    ours = load_file(options.ours)
    wanted = {name: ours["grad." + name] for name in side.parameters}
    floor = 1e-4 * max(tensor.norm().item() for tensor in wanted.values())
    errors, square, whole = {}, 0, 0
    for name, want in wanted.items():
        got = side.parameters[name].grad
        difference, norm = ((torch.zeros_like(want) if got is None else got) - want).norm().item(), want.norm().item()
        errors[name] = difference / max(norm, floor)
        square, whole = square + difference ** 2, whole + norm ** 2
    worst = max(errors, key=errors.get)
    print(json.dumps({"compared": len(errors), "loss": abs(loss.item() / ours["loss"].item() - 1), "worst": worst,
                      "worst_error": errors[worst], "error": (square / whole) ** 0.5}))


def golden(options):
    """Codes of every matrix in the golden case of GPTQ."""
    tensors, wrong, compared = load_file(options.golden), 0, 0
    for name, codes in tensors.items():
        if not name.endswith(".q"):
            continue
        matrix, kind, _ = name.split(".")
        scale, top = tensors[f"{matrix}.{kind}.s"].float(), 127 if kind.endswith("8") else 31
        got = peer_train.gptq(tensors[matrix + ".w"], tensors[matrix + ".h"], scale, top)
        wrong, compared = wrong + (got != codes).sum().item(), compared + codes.numel()
    print(json.dumps({"compared": compared, "wrong": wrong}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("draw", "check", "serve"):
        command = commands.add_parser(name)
        command.add_argument("weights")
        command.add_argument("-D", dest="constants", action="append", default=[], metavar="NAME=VALUE")
        if name == "draw":
            continue
        command.add_argument("shard")
        if name == "check":
            command.add_argument("ours")
            command.add_argument("--phase", default="looped")
            command.add_argument("--sequences", type=int, default=1)
        command.add_argument("--mode", choices=("eager", "compile"), default="eager")
        command.add_argument("--numerics", choices=("f32", "bf16"), default="f32")
        command.add_argument("--seq", type=int, required=True)
        command.add_argument("--stride", type=int, default=64)
    commands.add_parser("gptq").add_argument("golden")
    options = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.set_flush_denormal(True)
    if options.command == "gptq":
        return golden(options)
    types = {field.name: field.type for field in dataclasses.fields(peer_model.Config)}
    values = dict(item.split("=") for item in options.constants)
    options.config = peer_model.Config(**{name: types[name](value) for name, value in values.items()})
    {"draw": draw, "check": check, "serve": serve}[options.command](options)


if __name__ == "__main__":
    main()
