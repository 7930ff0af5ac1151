#include "tools/gpusim/lt/Matmul.h"

#include "tools/gpusim/driver/Engine.h"
#include "tools/gpusim/numeric/Round.h"

#include <cmath>
#include <cstring>

namespace gpusim {
namespace {

Type typeOf(int type) {
  switch (type) {
  case CUDA_R_32F:
    return Type::F32;
  case CUDA_R_16F:
    return Type::F16;
  case CUDA_R_16BF:
    return Type::BF16;
  case CUDA_R_64F:
    return Type::F64;
  }
  return Type::None;
}

/// A matrix of one batch entry, read from a device and written back.
class Matrix {
public:
  Matrix(const MatrixLayout &layout, uint64_t address, int64_t entry)
      : layout(layout), type(typeOf(layout.type)), size(typeBytes(type)),
        address(address + uint64_t(entry * layout.batchStride) * size) {
    uint64_t outer =
        layout.order == CUBLASLT_ORDER_COL ? layout.columns : layout.rows;
    uint64_t inner =
        layout.order == CUBLASLT_ORDER_COL ? layout.rows : layout.columns;
    bytes.resize(((outer - 1) * uint64_t(layout.lead) + inner) * size);
  }
  void read() {
    Engine::get().memory.read(bytes.data(), address, bytes.size());
  }
  double get(uint64_t row, uint64_t column) const {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes.data() + at(row, column), size);
    return type == Type::BF16 ? double(fromBF16(uint16_t(bits)))
                              : decode(type, bits);
  }
  void set(uint64_t row, uint64_t column, double value) {
    uint64_t bits = type == Type::BF16
                        ? toBF16(float(value))
                        : encode(type, roundTo(value, type, Rounding::Nearest));
    std::memcpy(bytes.data() + at(row, column), &bits, size);
  }
  /// What lies between the rows or columns stays as it is.
  void write() {
    uint64_t outer =
        layout.order == CUBLASLT_ORDER_COL ? layout.columns : layout.rows;
    uint64_t inner =
        layout.order == CUBLASLT_ORDER_COL ? layout.rows : layout.columns;
    for (uint64_t i = 0; i < outer; ++i) {
      uint64_t from = i * uint64_t(layout.lead) * size;
      Engine::get().memory.write(address + from, bytes.data() + from,
                                 inner * size);
    }
  }

private:
  uint64_t at(uint64_t row, uint64_t column) const {
    return (layout.order == CUBLASLT_ORDER_COL
                ? column * uint64_t(layout.lead) + row
                : row * uint64_t(layout.lead) + column) *
           size;
  }
  MatrixLayout layout;
  Type type;
  unsigned size;
  uint64_t address;
  std::vector<uint8_t> bytes;
};

float gelu(float x) {
  return 0.5f * x *
         (1 + std::tanh(0.7978845608f * (x + 0.044715f * x * x * x)));
}
float geluSlope(float x) {
  float u = 0.7978845608f * (x + 0.044715f * x * x * x), t = std::tanh(u);
  return 0.5f * (1 + t) +
         0.5f * x * (1 - t * t) * 0.7978845608f * (1 + 0.134145f * x * x);
}

double scalar(double value, uint64_t at) {
  if (!at)
    return value;
  float read;
  Engine::get().memory.read(&read, at, 4);
  return double(read);
}

/// With sums in float, or in double.
template <typename Sum> void runEntry(const Matmul &p, int64_t entry) {
  Memory &memory = Engine::get().memory;
  uint64_t m = p.d.rows, n = p.d.columns,
           k = p.how.transposeA ? p.a.rows : p.a.columns;
  Matrix a(p.a, p.atA, entry), b(p.b, p.atB, entry), c(p.c, p.atC, entry),
      d(p.d, p.atD, entry);
  a.read();
  b.read();
  std::vector<Sum> left(m * k), right(k * n), sum(m * n, Sum(0));
  for (uint64_t i = 0; i < m; ++i)
    for (uint64_t l = 0; l < k; ++l)
      left[i * k + l] = Sum(p.how.transposeA ? a.get(l, i) : a.get(i, l));
  for (uint64_t l = 0; l < k; ++l)
    for (uint64_t j = 0; j < n; ++j)
      right[l * n + j] = Sum(p.how.transposeB ? b.get(j, l) : b.get(l, j));
  for (uint64_t i = 0; i < m; ++i)
    for (uint64_t l = 0; l < k; ++l) {
      Sum x = left[i * k + l];
      const Sum *from = right.data() + l * n;
      Sum *to = sum.data() + i * n;
      for (uint64_t j = 0; j < n; ++j)
        to[j] += x * from[j];
    }
  Sum alpha = Sum(scalar(p.alpha, p.alphaAt)),
      beta = Sum(scalar(p.beta, p.betaAt));
  if (beta != 0)
    c.read();
  uint32_t epilogue = p.how.epilogue;
  std::vector<Sum> bias(m, Sum(0));
  if (epilogue & EpilogueBias) {
    MatrixLayout row = p.d;
    row.type = p.how.biasType < 0 ? p.d.type : p.how.biasType;
    row.order = CUBLASLT_ORDER_COL;
    row.columns = 1;
    row.lead = int64_t(m);
    row.batchStride = p.how.biasStride;
    Matrix values(row, p.how.bias, entry);
    values.read();
    for (uint64_t i = 0; i < m; ++i)
      bias[i] = Sum(values.get(i, 0));
  }
  // The auxiliary matrix: the argument of GELU, or a bit an element of ReLU.
  bool bits = epilogue & (EpilogueRelu | EpilogueDRelu),
       back = epilogue & (EpilogueDRelu | EpilogueDGelu);
  MatrixLayout auxLayout = p.d;
  auxLayout.lead = p.how.auxLead;
  auxLayout.batchStride = p.how.auxStride;
  if (p.how.auxType >= 0)
    auxLayout.type = p.how.auxType;
  auxLayout.order = CUBLASLT_ORDER_COL;
  std::vector<uint8_t> mask;
  uint64_t maskAt = 0;
  bool aux = epilogue & EpilogueAux;
  if (aux && bits) {
    mask.resize((uint64_t(p.how.auxLead) * (n - 1) + m + 7) / 8);
    maskAt = p.how.aux + uint64_t(entry * p.how.auxStride) / 8;
    if (back)
      memory.read(mask.data(), maskAt, mask.size());
  }
  bool argument = aux && !bits;
  if (!argument) { // never used
    auxLayout.rows = auxLayout.columns = 1;
    auxLayout.lead = 1;
  }
  Matrix saved(auxLayout, p.how.aux, entry);
  if (argument && back)
    saved.read();
  for (uint64_t i = 0; i < m; ++i)
    for (uint64_t j = 0; j < n; ++j) {
      Sum x = alpha * sum[i * n + j];
      if (beta != 0)
        x += beta * Sum(c.get(i, j));
      x += bias[i];
      uint64_t bit = j * uint64_t(p.how.auxLead) + i;
      if (epilogue & EpilogueDRelu) {
        x = mask[bit / 8] >> (bit % 8) & 1 ? x : 0;
      } else if (epilogue & EpilogueDGelu) {
        x *= geluSlope(float(saved.get(i, j)));
      } else if (epilogue & EpilogueRelu) {
        if (aux)
          mask[bit / 8] = uint8_t((mask[bit / 8] & ~(1 << (bit % 8))) |
                                  (x > 0) << (bit % 8));
        x = x > 0 ? x : 0;
      } else if (epilogue & EpilogueGelu) {
        if (aux)
          saved.set(i, j, double(x));
        x = gelu(float(x));
      }
      d.set(i, j, double(x));
    }
  d.write();
  if (aux && !back) {
    if (bits)
      memory.write(maskAt, mask.data(), mask.size());
    else
      saved.write();
  }
}

} // namespace

std::string checkMatmul(const Matmul &p) {
  for (const MatrixLayout *layout : {&p.a, &p.b, &p.c, &p.d}) {
    if (typeOf(layout->type) == Type::None)
      return "a matrix of a type other than f32, f64, f16 and bf16";
    if (layout->order != CUBLASLT_ORDER_COL &&
        layout->order != CUBLASLT_ORDER_ROW)
      return "a matrix in another order than of rows or columns";
    uint64_t inner =
        layout->order == CUBLASLT_ORDER_COL ? layout->rows : layout->columns;
    if (!layout->rows || !layout->columns || layout->lead < int64_t(inner))
      return "a matrix whose leading dimension is too small";
    if (layout->batch != p.d.batch)
      return "different batch counts";
  }
  if (p.a.type != p.b.type)
    return "products of different types";
  if (p.how.unknown)
    return "attribute " + std::to_string(p.how.unknown - 1);
  bool wide = p.how.compute == CUBLAS_COMPUTE_64F;
  if (wide != (p.a.type == CUDA_R_64F) || wide != (p.d.type == CUDA_R_64F) ||
      wide != (p.c.type == CUDA_R_64F) || wide != (p.how.scale == CUDA_R_64F))
    return "a mixture of f64 and other types";
  if (wide && (p.alphaAt || p.how.epilogue != EpilogueDefault))
    return "a product in f64 with an epilogue or with scales on the device";
  if (p.how.compute < 68 || p.how.compute > 78 ||
      (p.how.compute == 70 && !wide) || p.how.compute == 71 ||
      p.how.compute == 72 || p.how.compute == 73)
    return "a compute type other than f32 and f64";
  if (!wide && p.how.scale != CUDA_R_32F)
    return "a scale type other than f32";
  uint32_t known = EpilogueDefault | EpilogueRelu | EpilogueBias |
                   EpilogueDRelu | EpilogueGelu | EpilogueDGelu | EpilogueAux;
  if (!p.how.epilogue || p.how.epilogue & ~known)
    return "epilogue " + std::to_string(p.how.epilogue);
  if (p.how.epilogue & EpilogueAux && (!p.how.aux || p.how.auxLead < 1))
    return "an auxiliary matrix without address or leading dimension";
  if ((p.how.epilogue & EpilogueBias) && !p.how.bias)
    return "a bias without address";
  if (p.how.epilogue != EpilogueDefault && p.d.order != CUBLASLT_ORDER_COL)
    return "an epilogue on a matrix in row order";
  uint64_t m = p.how.transposeA ? p.a.columns : p.a.rows,
           k = p.how.transposeA ? p.a.rows : p.a.columns,
           kb = p.how.transposeB ? p.b.columns : p.b.rows,
           n = p.how.transposeB ? p.b.rows : p.b.columns;
  if (k != kb || m != p.d.rows || n != p.d.columns || p.c.rows != m ||
      p.c.columns != n)
    return "matrices whose sizes do not fit";
  return "";
}

void runMatmul(const Matmul &matmul) {
  for (int64_t entry = 0; entry < matmul.d.batch; ++entry)
    if (matmul.how.compute == CUBLAS_COMPUTE_64F)
      runEntry<double>(matmul, entry);
    else
      runEntry<float>(matmul, entry);
}

} // namespace gpusim
