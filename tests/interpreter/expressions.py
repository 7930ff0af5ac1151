"""Every word of the library in places where it is rare: along each axis, on parameters, with axes of size 1, alone. Each expression
is a scalar of x: [B, T, 4] and the parameters w: [4], m: [3, 4], e: [vocab, 4]."""
B, T, VOCAB = 2, 6, 9

EXPRESSIONS = """
mean(cumsum(x, 0) ^ 2)
mean(cumsum(x, 1) ^ 2)
mean(cumsum(x, 2) ^ 2)
mean(cumsum(reshape(x, [..., 2, 2]), 3) ^ 2)
mean(cumsum(m, 0) * m)
mean(cumsum(w, 0) ^ 3)
mean(shift(x, 2) * x)
mean(shift(x, -2) * x)
mean(shift(x, 0) * x)
mean(shift(m, 1) ^ 2)
mean(shift(reshape(x, [..., 2, 2]), 3) ^ 2)
mean(shift(x, 6) * x) + mean(x)
mean(sum(x, 0) ^ 2)
mean(sum(x, 1) ^ 2)
mean(mean(x, 0) * mean(x, 1))
mean(amax(x, 0) ^ 2)
amax(x) * mean(x)
amax(x, 0)[0, 0, 0]
mean(std(x, 0) ^ 2)
mean(std(x, 1) ^ 2)
std(x)
norm(x)
mean(norm(x, 0))
mean(norm(x, 1))
logsumexp(x)
mean(logsumexp(x, 0) ^ 2)
mean(logsumexp(x, 1) ^ 2)
mean((x - quantile(x, 0.5)) ^ 2)
mean((x - quantile(x, 0.25, 0)) ^ 2)
mean((x - quantile(x, 0.9, 1)) ^ 2)
mean((x - quantile(x, 0.9, -1)) ^ 2)
mean(transpose(x) @ x)
mean((transpose(x) @ x) ^ 2)
mean((x @ transpose(x)) ^ 2)
mean((m @ transpose(x)) ^ 2)
mean(linear(x, m) ^ 2)
mean(linear(w, m) ^ 2)
mean(linear(x[0], m) ^ 2)
mean((x @ reshape(w, [4, 1])) ^ 2)
mean(x[0] * x[1])
mean(x[..., 1..3] ^ 2)
mean(x[0.., 2..5, 1] ^ 3)
mean(x[1, 3] ^ 2) + x[1, 2, 3]
mean(m[1..] * x[0.., 0..2])
mean(eye(4) * (transpose(m) @ m))
mean(x * rows(1, 2, 3, 4, 5, 6))
mean(iota(6) * transpose(x))
mean(reshape(iota(6) // 2 % 2, [6, 1]) * x)
mean(if x > 0 then x ^ 2 else -x)
mean((x > 0) * x) + mean((x == x) * x)
mean(xor(tokens, targets) * transpose(x)[0, 0, 0])
mean(embed(e, tokens) * x)
mean(embed(e, targets)) + mean(embed(e, shift(tokens, 1)) ^ 2)
mean(embed(m, tokens % 3) ^ 2)
cross_entropy(linear(x, e), tokens)
cross_entropy(x, tokens % 4)
cross_entropy(m, iota(3))
cross_entropy(tanh_cap(linear(x[0.., 1..], e), 2), targets[0.., 1..])
mean(rope(reshape(x, [..., 2, 2]), [0.5]) * reshape(x, [..., 2, 2]) * w[0])
mean(rope(reshape(x, [..., 1, 4]), [0.5]) * reshape(x, [..., 1, 4]) * w)
mean(reshape(x, [..., 1, 4]) * w)
mean(sum(reshape(x, [..., 1, 4]), 2) ^ 2)
mean(attention(reshape(x, [..., 1, 4]), reshape(x, [..., 1, 4]), reshape(x, [..., 1, 4])) ^ 2)
mean(attention(reshape(x, [..., 4, 1]), reshape(x, [..., 2, 2])[..., 0..1], reshape(x, [..., 2, 2])[..., 1..2]) ^ 2)
mean(attention(reshape(x, [..., 2, 2]), reshape(x, [..., 2, 2]), reshape(x, [..., 2, 2]), segment = tokens) ^ 2)
mean(attention(reshape(x, [..., 2, 2]), reshape(x, [..., 2, 2]), reshape(x, [..., 2, 2]), segment = cumsum(tokens == 3, 1)) ^ 2)
mean(xsa(reshape(x, [..., 2, 2]), reshape(x, [..., 2, 2])[0.., 0.., 0..1]) ^ 2)
mean(stop_gradient(x) * x)
mean(f32(x) @ transpose(f32(x)))
sum([x[0, 0, 0], x[0, 1, 1], 2])
mean(clamp(x, -0.1, w) ^ 2)
mean(max(x, w) * min(x, 0.3))
mean(lerp(x, w, sigmoid(x)))
mean(abs(x) ^ 1.5) + mean(2 ^ x) + mean(abs(x) ^ w)
mean(x // 0.3 * x) + mean(x % 0.7)
mean(floor(x) * x) + mean(round(3 * x) * x)
mean(f16(x) * x)
mean(normalize(m) @ transpose(normalize(m)) * (1 - eye(3)))
mean(rms_norm(w) * x)
mean(reshape(x, [12, 4])[3..7] ^ 2)
mean(transpose(reshape(x, [..., 2, 2])) * reshape(x, [..., 2, 2]) * w[1])
mean(x * params("m")[0][0])
w[0] * w[1] + w[2]
mean(exp(x) * cos(x) + log(1 + abs(x)) + sqrt(abs(x) + 1) + tanh(x))
mean(recur(x, [0, 1, 0], layer) ^ 2)
mean(leaky_relu(x, -0.5) ^ 3)
mean((x - mean(x, -1)) / std(x, -1))
mean(x ^ 2, -1)[0, 1, 0]
mean(sum(sum(x, 0), 1) ^ 2)
""".strip().split("\n")

# So many make a program: fused with one another, but not with all, which would hide what goes wrong in a kernel of few operations.
GROUP = 2


def groups():
    return [EXPRESSIONS[i:i + GROUP] for i in range(0, len(EXPRESSIONS), GROUP)]


def make_program(expressions):
    terms = "".join(f" + 0.5 * ({expression})" for expression in expressions)
    return f"""
let vocab = {VOCAB};
param table : [vocab, 4] = normal(0.5) in weights;
param e : [vocab, 4] = normal(0.5) in weights;
param w : [4] = normal(1) in weights;
param m : [3, 4] = normal(1) in weights;
fn kept(p) {{ return p; }}
fn layer(s, i) {{ return tanh(s * w + i) + 0.1 * start; }}  # an output is visible in what comes after it
model {{
  output start = embed(table, tokens);
  let h = start;
  output x = rms_norm(h + linear(linear(h, m), transpose(m)) * w + 0 * sum(e));
  output logits = linear(x, table);
}}
loss {{ return cross_entropy(logits, targets){terms}; }}
train {{
  data("random", seq = {T}, order = "sequential");
  batch(tokens = {B * T}, parts = 1);
  budget(steps = 2);
  all => kept();
}}
"""
