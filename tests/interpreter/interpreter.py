"""Evaluates `model` and `loss` of a .pgm file on PyTorch tensors."""
import os
import re

import torch

import words
from syntax import Parser
from words import is_tensor


class Returned(Exception):
    def __init__(self, value):
        self.value = value


class Scope:
    """A chain of names. A new link for each `let`: a function goes on seeing what was there when it was defined."""

    def __init__(self, outer=None, names=None):
        self.outer, self.names = outer, names or {}

    def find(self, name):
        scope = self
        while scope and name not in scope.names:
            scope = scope.outer
        return scope


class Function:
    def __init__(self, node, scope, below=None):
        self.node, self.scope, self.below = node, scope, below


class Program:
    """A file with all it includes. `defines`: {name: expression as text}, as -D."""

    def __init__(self, path, defines=None):
        self.definitions, self.sections, self.assertions, self.seen = {}, {}, [], set()
        self.load(path)
        for name, text in (defines or {}).items():
            for node in Parser("-D", f"override let {name} = {text};").file():
                self.definitions[name].append(node)

    def load(self, path):
        path = os.path.realpath(path)
        if path in self.seen:
            return
        self.seen.add(path)
        with open(path, encoding="utf-8") as file:
            nodes = Parser(path, file.read()).file()
        for node in nodes:
            if node.kind == "include":
                self.load(os.path.join(os.path.dirname(path), node.path))
            elif node.kind == "section":
                self.sections.setdefault(node.name, []).append(node)
            elif node.kind == "assert":
                self.assertions.append(node)
            else:
                name = node.names[0] if node.kind == "let" else node.name
                self.definitions.setdefault(name, []).append(node)

    def switches(self):
        """Names, in order; those of overridden sections too."""
        return [node.name for section in self.sections.get("train", []) for node in section.body if node.kind == "switch"]

    def constant(self, name):
        self.begin({}, {}, 0, 0)
        return self.lookup(name, None, None)

    # ---- running
    def begin(self, weights, phase, progress, step):
        self.weights, self.declared, self.constants, self.prefix = weights, {}, {}, []
        self.ambient = dict(training=1, adapting=0, progress=progress, step=step)
        self.ambient |= {name: int(name in phase) for name in self.switches()}
        self.outputs = {}

    def run(self, weights, tokens, targets, phase, progress=0.0, step=0):
        """(loss, logits). `weights`: {full name: tensor}; `phase`: the switches that are on. Afterwards `declared` holds
        {full name: (shape, group)}."""
        self.begin(weights, phase, progress, step)
        self.ambient |= dict(tokens=tokens, targets=targets)
        for assertion in self.assertions:
            self.check(assertion, None)
        self.run_model(len(self.sections["model"]) - 1)
        loss = self.run_loss(len(self.sections["loss"]) - 1)
        return loss, self.outputs["logits"]

    def run_model(self, level):
        scope = Scope()
        for node in self.sections["model"][level].body:
            if node.kind == "setting":  # inherited();
                self.run_model(level - 1)
            else:
                scope = self.statement(node, scope)

    def run_loss(self, level):
        scope = Scope(None, {"inherited": lambda _: self.run_loss(level - 1)})
        return self.body(self.sections["loss"][level].body, scope)

    # ---- names
    def lookup(self, name, scope, place):
        found = scope and scope.find(name)
        if found:
            return found.names[name]
        if name in self.outputs:
            return self.outputs[name]
        if name in self.ambient:
            return self.ambient[name]
        if name in self.definitions:
            return self.definition(name, len(self.definitions[name]) - 1)
        if name in words.WORDS:
            return words.WORDS[name]
        place.fail(f"nothing is called '{name}'")

    def definition(self, name, level):
        node = self.definitions[name][level]
        if node.kind == "fn":
            return Function(node, None, (name, level - 1) if level else None)
        if node.kind == "param":
            outer, self.prefix = self.prefix, []
            value = self.parameter(node, None)
            self.prefix = outer
            return value
        if (name, level) not in self.constants:
            scope = Scope(None, {"inherited": lambda _: self.definition(name, level - 1)})
            self.constants[name, level] = self.value(node.value, scope)
        return self.constants[name, level]

    def format(self, text, scope, place):
        return re.sub(r"\{([A-Za-z_][\w.]*)\}", lambda match: str(self.lookup(match.group(1), scope, place)), text)

    def parameter(self, node, scope):
        path = self.format(node.path, scope, node.place)
        full = ""
        for part in self.prefix + [path]:
            if part.startswith("/"):
                full, part = "", part[1:]
            full += ("." if full and part else "") + part
        shape = self.value(node.shape, scope)
        if full not in self.weights:
            node.place.fail(f"there is no weight '{full}'")
        if list(self.weights[full].shape) != shape:
            node.place.fail(f"'{full}' is {list(self.weights[full].shape)}; the program says {shape}")
        self.declared[full] = (shape, node.group)
        return self.weights[full]

    # ---- statements
    def body(self, statements, scope):
        try:
            self.block(statements, scope)
        except Returned as returned:
            return returned.value
        return None

    def block(self, statements, scope):
        for node in statements:
            scope = self.statement(node, scope)

    def statement(self, node, scope):
        """The scope of the statements behind it."""
        if node.kind == "let":
            value = self.value(node.value, scope)
            return Scope(scope, dict(zip(node.names, [value] if node.single else value)))
        if node.kind == "fn":
            return Scope(scope, {node.name: Function(node, scope)})
        if node.kind == "param":
            return Scope(scope, {node.name: self.parameter(node, scope)})
        if node.kind == "output":
            self.outputs[node.name] = self.value(node.value, scope)
        elif node.kind == "assert":
            self.check(node, scope)
        elif node.kind == "return":
            raise Returned(self.value(node.value, scope))
        elif node.kind == "if":
            self.block(node.then if self.value(node.condition, scope) else node.otherwise, scope)
        else:
            node.place.fail(f"a '{node.kind}' cannot stand here")
        return scope

    def check(self, node, scope):
        if not self.value(node.condition, scope):
            node.place.fail(self.format(node.message, scope, node.place))

    def call(self, function, arguments, named=None):
        if not isinstance(function, Function):
            return function(self, *arguments, **(named or {}))
        node = function.node
        values = dict(zip(node.formals, arguments)) | (named or {})
        if set(values) != set(node.formals):
            node.place.fail(f"'{node.name}' takes {node.formals}, not {sorted(values)}")
        if function.below:
            values["inherited"] = self.definition(*function.below)
        scope = Scope(function.scope, values)
        self.prefix = self.prefix + [self.value(node.prefix, scope) if node.prefix else ""]
        result = self.body(node.body, scope)
        self.prefix = self.prefix[:-1]
        return result

    # ---- expressions
    def value(self, node, scope):
        return getattr(self, "value_of_" + node.kind)(node, scope)

    def value_of_number(self, node, scope):
        return node.value

    def value_of_string(self, node, scope):
        return self.format(node.value, scope, node.place)

    def value_of_name(self, node, scope):
        return self.lookup(node.name, scope, node.place)

    def value_of_ellipsis(self, node, scope):
        return "..."

    def value_of_list(self, node, scope):
        return [self.value(element, scope) for element in node.elements]

    def value_of_comprehension(self, node, scope):
        return [self.value(node.element, Scope(scope, {node.name: value})) for value in self.value(node.values, scope)]

    def value_of_range(self, node, scope):
        return list(range(self.value(node.begin, scope), self.value(node.end, scope)))

    def value_of_negative(self, node, scope):
        return -self.value(node.operand, scope)

    def value_of_not(self, node, scope):
        return int(not self.value(node.operand, scope))

    def value_of_choice(self, node, scope):
        condition = self.value(node.condition, scope)
        if not is_tensor(condition):
            return self.value(node.then if condition else node.otherwise, scope)
        return torch.where(condition.bool(), torch.as_tensor(self.value(node.then, scope)),
                           torch.as_tensor(self.value(node.otherwise, scope)))

    def value_of_call(self, node, scope):
        function = self.value(node.callee, scope)
        arguments = [self.value(value, scope) for name, value in node.arguments if name is None]
        named = {name: self.value(value, scope) for name, value in node.arguments if name}
        try:
            return self.call(function, arguments, named)
        except (RuntimeError, TypeError, IndexError) as error:
            node.place.fail(str(error).splitlines()[0])

    def value_of_index(self, node, scope):
        value, indices = self.value(node.value, scope), []
        for index in node.indices:
            if index.kind == "ellipsis":
                indices.append(Ellipsis)
            elif index.kind == "range":
                end = None if index.end is None else self.value(index.end, scope)
                indices.append(slice(self.value(index.begin, scope), end))
            else:
                indices.append(self.value(index, scope))
        return value[tuple(indices)] if is_tensor(value) else value[indices[0]]

    def value_of_binary(self, node, scope):
        op, left = node.op, self.value(node.left, scope)
        if op == "and":
            return self.value(node.right, scope) if left else 0
        if op == "or":
            return left if left else self.value(node.right, scope)
        right = self.value(node.right, scope)
        try:
            result = OPERATORS[op](left, right)
        except RuntimeError as error:
            node.place.fail(str(error).splitlines()[0])
        if op in COMPARISONS:
            return result.long() if is_tensor(result) else int(result)
        return result


def constant(x):
    """No gradient flows through what rounds."""
    return x.detach() if is_tensor(x) else x


COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
OPERATORS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "//": lambda a, b: constant(a) // constant(b), "%": lambda a, b: constant(a) % constant(b),
    "^": lambda a, b: a**b, "@": lambda a, b: a @ b,
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}
