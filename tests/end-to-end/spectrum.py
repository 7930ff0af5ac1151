"""Checks that the k-th singular value of a matrix W [r, c], r ≥ c, is the first over sqrt(k): spectrum.py FILE NAME

Without a decomposition: G = WᵀW has the eigenvalues a, a/2, …, a/c just if its power sums are a^p (1 + 1/2^p + … + 1/c^p)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import safetensors


def product(a, b):
    columns = list(zip(*b))
    return [[sum(x * y for x, y in zip(row, column)) for column in columns] for row in a]


path, name = sys.argv[1:]
(rows, columns), numbers = safetensors.load(path)[name]
w = [numbers[i * columns:(i + 1) * columns] for i in range(rows)]
gram = product(list(zip(*w)), w)
trace = sum(gram[i][i] for i in range(columns))
if not trace > 0:
    sys.exit(f"{name} is zero")
first = trace / sum(1 / k for k in range(1, columns + 1))
power = gram
for exponent in range(2, 6):
    power = product(power, gram)
    actual = sum(power[i][i] for i in range(columns))
    expected = first**exponent * sum(k**-exponent for k in range(1, columns + 1))
    if not abs(actual - expected) <= 1e-4 * expected:
        sys.exit(f"{name}: the sum of the {exponent}-th powers of the squared singular values is {actual}, not {expected}")
print(f"{name}: squares of singular values fall as 1/k, from {first:.6g}")
