"""Makes random small programs: every one compiles, is causal, and has a finite loss. The seed decides all."""
import random

B, T = 2, 6


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.dim = self.random.choice((4, 6, 8, 12))
        self.vocab = self.random.choice((5, 9, 16, 31))
        self.names = 0
        self.statements = []  # of the function that is being written

    def fresh(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    def number(self, low=-1.5, high=1.5):
        return f"({self.random.uniform(low, high):.3f})"

    def parameter(self, shape, std=0.5):
        name = self.fresh("w")
        self.statements.append(f"param {name} : [{', '.join(map(str, shape))}] = normal({std}) in weights;")
        return name

    # ---- expressions of the shape [B, T, dim]; `known`: names of such tensors
    def expression(self, known, depth):
        if depth == 0:
            return self.leaf(known)
        kind = self.random.choice(
            [self.unary] * 6 + [self.binary] * 6 +
            [self.product, self.reduced, self.shifted, self.chosen, self.named, self.taps, self.grouped, self.called, self.by_token,
             self.heads])
        return kind(known, depth - 1)

    def leaf(self, known):
        kind = self.random.randrange(3 * len(known) + 2)
        return self.parameter([self.dim]) if kind == 0 else self.number() if kind == 1 else known[kind % len(known)]

    def tensor(self, known, depth):
        """An expression that has the shape itself, not one that broadcasts to it."""
        return f"({self.random.choice(known)} + {self.expression(known, depth)})"

    def unary(self, known, depth):
        x = self.tensor(known, depth)
        return self.random.choice([
            f"tanh({x})", f"sigmoid({x})", f"abs({x})", f"cos({x})", f"exp(clamp({x}, -3, 1))", f"sqrt(abs({x}) + 0.3)",
            f"log(abs({x}) + 0.7)", f"({x} ^ 2 / 4)", f"(tanh({x}) ^ 3)", f"leaky_relu({x}, 0.3)", f"leaky_relu({x}, 0) ^ 2",
            f"clamp({x}, -0.7, 0.9)", f"rms_norm({x})", f"(-{x})", f"tanh_cap({x}, 2)", f"f32({x})",
            f"({x} + stop_gradient(round({x}) - {x}))", f"(cumsum({x}, 1) / {T})", f"({x} - stop_gradient({x}) / 2)",
            f"normalize(sigmoid({x}))"])

    def binary(self, known, depth):
        a, b = self.tensor(known, depth), self.expression(known, depth)
        return self.random.choice([
            f"({a} + {b})", f"({a} - {b})", f"({a} * {b})", f"({a} / (1 + {b} ^ 2))", f"min({a}, {b})", f"max({a}, {b})",
            f"lerp({a}, {b}, sigmoid({self.expression(known, 0)}))", f"({b} - {a} / 3)"])

    def product(self, known, depth):
        x, inner = self.tensor(known, depth), self.random.choice((3, self.dim, 2 * self.dim))
        if self.random.random() < 0.5:
            first, second = self.parameter([inner, self.dim]), self.parameter([self.dim, inner])
            return f"linear(tanh(linear({x}, {first})), {second})"
        first, second = self.parameter([self.dim, inner]), self.parameter([inner, self.dim])
        return f"({x} @ {first} @ {second} / {inner})"

    def reduced(self, known, depth):
        x = self.tensor(known, depth)
        word = self.random.choice(("mean", "amax", "norm", "logsumexp", "std", "sum"))
        if word == "std":  # has no gradient where all elements are equal
            x = f"({x} + {self.parameter([self.dim], 2)})"
        reduced = f"{word}({x}, -1)" + (f" / {self.dim}" if word == "sum" else "")
        return self.random.choice([f"({x} * {reduced})", f"({x} - {reduced})", f"({reduced} + 0 * {x})"])

    def shifted(self, known, depth):
        return f"shift({self.tensor(known, depth)}, {self.random.randrange(T + 2)})"

    def chosen(self, known, depth):
        a, b = self.tensor(known, depth), self.expression(known, depth)
        op = self.random.choice(("<", "<=", ">", ">="))
        return f"(if {a} {op} {self.number()} then {a} else {b})"

    def named(self, known, depth):
        name, value = self.fresh("v"), self.tensor(known, depth)
        self.statements.append(f"let {name} : [_, {T}, {self.dim}] = {value};")
        return self.expression(known + [name], depth)

    def taps(self, known, depth):
        n, x = self.random.randrange(1, 4), self.tensor(known, depth)
        taps = self.parameter([n, self.dim])
        return f"sum([for j in 0..{n}: {taps}[j] * shift({x}, j)])"

    def grouped(self, known, depth):
        x, half = self.tensor(known, depth), self.dim // 2
        scale = self.parameter([2, 1])
        axis = self.random.choice((-1, -2))
        return f"reshape(reshape({x}, [..., 2, {half}]) * {scale} - mean(reshape({x}, [..., 2, {half}]), {axis}), [..., {self.dim}])"

    def called(self, known, depth):
        """A local function, with parameters under a prefix."""
        name, outer = self.fresh("f"), self.statements
        self.statements = []
        body = self.expression(["x"], depth)
        text = " ".join(self.statements)
        self.statements = outer
        self.statements.append(f'fn {name}(x) under "{name}" {{ {text} return x + {body}; }}')
        result = self.fresh("v")  # an expression may be written down twice, a parameter declared once
        self.statements.append(f"let {result} = {name}({self.tensor(known, 0)});")
        return result

    def by_token(self, known, depth):
        x = self.tensor(known, depth)
        mask = self.random.choice([
            f"tokens != {self.random.randrange(self.vocab)}", "tokens % 2", f"xor(3 * tokens, shift(tokens, 1)) % 5 == 2",
            f"iota({T}) // 2 % 2 == 1"])
        if self.random.random() < 0.5:
            return f"({x} * reshape({mask} + 0 * tokens, [..., 1]))"
        return f"({x} + embed({self.parameter([self.vocab, self.dim])}, (2 * tokens + 1) % {self.vocab}))"

    def heads(self, known, depth):
        half, x = self.dim // 2, self.tensor(known, depth)
        q, v = f"reshape({x}, [..., 2, {half}])", f"reshape({self.tensor(known, 0)}, [..., 2, {half}])"
        if self.random.random() < 0.5:  # both heads share one of keys and values
            v = f"reshape({self.tensor(known, 0)}[..., 0..{half}], [batch, {T}, 1, {half}])"
        if half >= 2:
            q = f"rope({q}, [{', '.join(f'{self.random.uniform(0.1, 1):.3f}' for _ in range(self.random.randrange(1, half // 2 + 1)))}])"
        segment = self.random.choice(("", ", segment = cumsum(tokens == 1, 1)"))
        y = f"attention({q}, {v}, {v}{segment})"
        if self.random.random() < 0.3:
            y = f"xsa({y}, {v})"
        return f"reshape({y}, [batch, {T}, {self.dim}])"

    # ---- the program
    def function(self, head, known, depth):
        self.statements = []
        value = self.tensor(known, depth)
        body = "\n    ".join(self.statements)
        return f"  fn {head} {{\n    {body}\n    return rms_norm({value});\n  }}\n"

    def term(self):
        self.statements = []
        x = self.tensor(["hidden"], 2)
        return self.random.choice([
            f"mean({x} ^ 2)", f"sum({x} * shift({x}, -1)) / {B * T}", "mean(logsumexp(logits, -1) ^ 2) / 10", f"norm({x})",
            f"amax(abs({x}))", f"mean(amax({x}, 1))", f"std({x})", f"logsumexp({x} / 4)",
            f"cross_entropy(linear(hidden[0.., 0..{T - 1}], table), targets[0.., 1..])",
            f"mean(({x} - quantile({x}, 0.3, -1)) ^ 2)"]), " ".join(self.statements)

    def program(self):
        layers = self.random.randrange(1, 4)
        plain = list(range(layers))
        begin = self.random.randrange(layers)
        looped = plain[:begin] + self.random.randrange(2, 4) * plain[begin:begin + self.random.randrange(1, 3)] + plain[begin + 1:]
        skips = self.random.randrange(len(looped) // 2 + 1)
        layer = self.function('layer(x, i) under "layers.{i}"', ["x", "x0"], 3)
        merge = self.function('merge(x, s, j) under "merges.{j}"', ["x", "s"], 1)
        self.statements = []
        start = f"rms_norm({self.tensor(['embed(table, tokens)'], 1)})"
        start = "\n  ".join(self.statements + [f"let x0 = {start};"])
        terms, lets = [], []
        for _ in range(self.random.randrange(3)):
            term, statements = self.term()
            terms.append(f" + {self.number(0.1, 0.5)} * {term}")
            lets.append(statements)
        head = self.random.choice(["linear(hidden, table)", "tanh_cap(linear(hidden, table), 3)"])
        merged = f", skips = {skips}, merge = merge" if skips else ""
        return f"""# Seed-made; means nothing.
let vocab = {self.vocab}, d = {self.dim};
let batch = size(tokens, 0);  # scores have more sequences than a part
let order = if looped then {looped} else {plain};
param table : [vocab, d] = normal(0.5) in weights;
fn kept(p) {{ return p; }}
model {{
  {start}
{layer}{merge if skips else ""}  output hidden = recur(x0, order, layer{merged});
  output logits = {head};
}}
loss {{
  {" ".join(lets)}
  return cross_entropy(logits, targets){"".join(terms)};
}}
train {{
  data("random", seq = {T}, order = "sequential");
  batch(tokens = {B * T}, parts = 1);
  budget(steps = 2);
  switch looped = progress >= 0.5;
  all => kept();
}}
"""


def make_program(seed):
    return Generator(seed).program()


if __name__ == "__main__":
    import sys
    print(make_program(int(sys.argv[1])))
