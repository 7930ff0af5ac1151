// Products, gathers, statistics and attention, from their definitions.
#include "tests/support/InterpreterProducts.h"
#include "llvm/ADT/TypeSwitch.h"
#include <algorithm>
#include <cmath>

using namespace mlir;

namespace pgtest {

static std::vector<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().vec();
}

static Tensor linear(const Tensor &x, const Tensor &w,
                     std::vector<int64_t> shape) {
  Tensor y(std::move(shape));
  int64_t n = w.shape[1], m = w.shape[0];
  for (int64_t r = 0; r < x.size() / n; ++r)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j)
        y.data[r * m + i] += x.data[r * n + j] * w.data[i * n + j];
  return y;
}

static Tensor matmul(const Tensor &a, const Tensor &b, bool ta, bool tb,
                     std::vector<int64_t> shape) {
  Tensor y(std::move(shape));
  int64_t k = a.shape[a.rank() - (ta ? 2 : 1)], i = 0;
  forEach(y.shape, [&](llvm::ArrayRef<int64_t> c) {
    std::vector<int64_t> ca = c.vec(), cb = c.vec();
    size_t last = c.size() - 1;
    double sum = 0;
    for (int64_t j = 0; j < k; ++j) {
      ca[last - 1] = ta ? j : c[last - 1];
      ca[last] = ta ? c[last - 1] : j;
      cb[last - 1] = tb ? c[last] : j;
      cb[last] = tb ? j : c[last];
      sum += a.broadcastAt(ca) * b.broadcastAt(cb);
    }
    y.data[i++] = sum;
  });
  return y;
}

static Tensor pack(pg::PackOp op, const Tensor &w, std::vector<int64_t> shape) {
  Tensor y(std::move(shape));
  bool nk = op.getForm() == pg::PackForm::nk;
  int64_t n = w.shape[nk ? 0 : 1], k = w.shape[nk ? 1 : 0],
          panel = op.getPanel(), group = op.getGroup(), i = 0;
  for (int64_t p = 0; p < y.shape[0]; ++p)
    for (int64_t g = 0; g < y.shape[1]; ++g)
      for (int64_t c = 0; c < panel; ++c)
        for (int64_t e = 0; e < group; ++e, ++i) {
          int64_t column = p * panel + c, row = g * group + e;
          if (column < n && row < k)
            y.data[i] = w.data[nk ? column * k + row : row * n + column];
        }
  return y;
}

static Tensor packedMatmul(pg::PackedMatmulOp op, const Tensor &a,
                           const Tensor &packed, std::vector<int64_t> shape) {
  Tensor y(std::move(shape));
  int64_t k = a.shape.back(), n = op.getN(), panel = packed.shape[2],
          group = packed.rank() > 3 ? packed.shape[3] : 1;
  for (int64_t r = 0; r < a.size() / k; ++r)
    for (int64_t c = 0; c < n; ++c)
      for (int64_t j = 0; j < k; ++j) {
        int64_t at =
            ((c / panel * packed.shape[1] + j / group) * panel + c % panel) *
                group +
            j % group;
        y.data[r * n + c] += a.data[r * k + j] * packed.data[at];
      }
  return y;
}

static Tensor rope(pg::RopeOp op, llvm::ArrayRef<Tensor> v) {
  Tensor y = v[0];
  int64_t T = y.shape[1], H = y.shape[2], D = y.shape[3], n = v[1].shape[1];
  for (int64_t r = 0; r < y.size() / D; ++r)
    for (int64_t j = 0; j < n; ++j) {
      int64_t t = r / H % T;
      double c = v[1].data[t * n + j],
             s = v[2].data[t * n + j] * (op.getInverse() ? -1 : 1);
      double a = v[0].data[r * D + j], b = v[0].data[r * D + j + n];
      y.data[r * D + j] = a * c + b * s;
      y.data[r * D + j + n] = b * c - a * s;
    }
  return y;
}

/// Scores, softmax and their use for each (b, i, h), i a query: calls `row`
/// with P, one for each key up to the query's position, and lse.
static void
forEachAttentionRow(llvm::ArrayRef<Tensor> v, const Tensor *segment,
                    std::function<void(int64_t b, int64_t t, int64_t h,
                                       llvm::ArrayRef<double> p, double lse)>
                        row) {
  const Tensor &q = v[0], &k = v[1];
  int64_t B = q.shape[0], S = q.shape[1], H = q.shape[2], D = q.shape[3],
          T = k.shape[1], K = k.shape[2];
  for (int64_t b = 0; b < B; ++b)
    for (int64_t i = 0; i < S; ++i)
      for (int64_t h = 0; h < H; ++h) {
        int64_t t = T - S + i;
        std::vector<double> p(t + 1);
        double top = -INFINITY, sum = 0;
        for (int64_t s = 0; s <= t; ++s) {
          for (int64_t d = 0; d < D; ++d)
            p[s] += q.data[((b * S + i) * H + h) * D + d] *
                    k.data[((b * T + s) * K + h / (H / K)) * D + d];
          p[s] /= std::sqrt(static_cast<double>(D));
          if (segment && segment->data[b * T + s] != segment->data[b * T + t])
            p[s] = -INFINITY;
          top = std::max(top, p[s]);
        }
        for (double &x : p)
          sum += x = std::exp(x - top);
        for (double &x : p)
          x /= sum;
        row(b, i, h, p, top + std::log(sum));
      }
}

static std::vector<Tensor> attention(pg::AttentionOp op,
                                     llvm::ArrayRef<Tensor> v) {
  int64_t S = v[0].shape[1], H = v[0].shape[2], D = v[0].shape[3],
          T = v[1].shape[1], K = v[1].shape[2];
  Tensor o(v[0].shape), lse({v[0].shape[0], S, H});
  forEachAttentionRow(
      v, op.getSegment() ? &v[3] : nullptr,
      [&](int64_t b, int64_t t, int64_t h, llvm::ArrayRef<double> p, double l) {
        lse.data[(b * S + t) * H + h] = l;
        for (int64_t s = 0; s <= T - S + t; ++s)
          for (int64_t d = 0; d < D; ++d)
            o.data[((b * S + t) * H + h) * D + d] +=
                p[s] * v[2].data[((b * T + s) * K + h / (H / K)) * D + d];
      });
  return {o, lse};
}

static std::vector<Tensor> attentionGrad(pg::AttentionGradOp op,
                                         llvm::ArrayRef<Tensor> v) {
  int64_t T = v[0].shape[1], H = v[0].shape[2], D = v[0].shape[3],
          K = v[1].shape[2];
  Tensor dq(v[0].shape), dk(v[1].shape), dv(v[2].shape);
  const Tensor &o = v[3], &d_o = v[5];
  double scale = 1 / std::sqrt(static_cast<double>(D));
  forEachAttentionRow(
      v, op.getSegment() ? &v[6] : nullptr,
      [&](int64_t b, int64_t t, int64_t h, llvm::ArrayRef<double> p, double) {
        int64_t qi = ((b * T + t) * H + h) * D;
        double delta = 0;
        for (int64_t d = 0; d < D; ++d)
          delta += o.data[qi + d] * d_o.data[qi + d];
        for (int64_t s = 0; s <= t; ++s) {
          int64_t ki = ((b * T + s) * K + h / (H / K)) * D;
          double dp = 0;
          for (int64_t d = 0; d < D; ++d) {
            dp += d_o.data[qi + d] * v[2].data[ki + d];
            dv.data[ki + d] += p[s] * d_o.data[qi + d];
          }
          double ds = p[s] * (dp - delta) * scale;
          for (int64_t d = 0; d < D; ++d) {
            dq.data[qi + d] += ds * v[1].data[ki + d];
            dk.data[ki + d] += ds * v[0].data[qi + d];
          }
        }
      });
  return {dq, dk, dv};
}

static Tensor xsa(llvm::ArrayRef<Tensor> v) {
  Tensor y = v[0];
  int64_t H = y.shape[2], D = y.shape[3], K = v[1].shape[2];
  for (int64_t r = 0; r < y.size() / D; ++r) {
    const double *n = &v[1].data[(r / H * K + r % H / (H / K)) * D];
    double dot = 0, norm = 0;
    for (int64_t d = 0; d < D; ++d) {
      dot += y.data[r * D + d] * n[d];
      norm += n[d] * n[d];
    }
    norm = std::max(std::sqrt(norm), 1e-12);
    for (int64_t d = 0; d < D; ++d)
      y.data[r * D + d] -= dot / norm / norm * n[d];
  }
  return y;
}

/// Gives `f` the elements over which a result's element is a statistic.
static Tensor statistic(const Tensor &x, llvm::ArrayRef<int64_t> axes,
                        std::vector<int64_t> shape,
                        std::function<double(std::vector<double> &)> f) {
  Tensor result(shape);
  std::vector<std::vector<double>> groups(result.size());
  int64_t i = 0;
  forEach(x.shape, [&](llvm::ArrayRef<int64_t> c) {
    int64_t flat = 0;
    for (int64_t a = 0; a < x.rank(); ++a)
      flat = llvm::is_contained(axes, a) ? flat : flat * x.shape[a] + c[a];
    groups[flat].push_back(x.data[i++]);
  });
  for (int64_t k = 0; k < result.size(); ++k)
    result.data[k] = f(groups[k]);
  return result;
}

static double sum(llvm::ArrayRef<double> x, std::function<double(double)> f) {
  double s = 0;
  for (double y : x)
    s += f(y);
  return s;
}

static double logSumExp(llvm::ArrayRef<double> x) {
  double top = *std::max_element(x.begin(), x.end());
  return top + std::log(sum(x, [=](double y) { return std::exp(y - top); }));
}

static Tensor tokenNll(llvm::ArrayRef<Tensor> v) {
  int64_t V = v[0].shape.back();
  Tensor y(v[1].shape);
  for (int64_t r = 0; r < y.size(); ++r) {
    llvm::ArrayRef<double> z(&v[0].data[r * V], V);
    y.data[r] = logSumExp(z) - z[static_cast<int64_t>(v[1].data[r])];
  }
  return y;
}

std::vector<Tensor> evaluateProducts(Operation *op, llvm::ArrayRef<Tensor> v) {
  using Numbers = std::vector<double>;
  using Results = std::vector<Tensor>;
  std::vector<int64_t> shape = shapeOf(op->getResult(0));
  return TypeSwitch<Operation *, Results>(op)
      .Case<pg::LinearOp>(
          [&](auto) { return Results{linear(v[0], v[1], shape)}; })
      .Case<pg::MatmulOp>([&](pg::MatmulOp c) {
        return Results{
            matmul(v[0], v[1], c.getTransposeA(), c.getTransposeB(), shape)};
      })
      .Case<pg::PackOp>(
          [&](pg::PackOp c) { return Results{pack(c, v[0], shape)}; })
      .Case<pg::PackedMatmulOp>([&](pg::PackedMatmulOp c) {
        return Results{packedMatmul(c, v[0], v[1], shape)};
      })
      .Case<pg::EmbedOp>([&](auto) {
        Tensor y(shape);
        int64_t n = v[0].shape[1];
        for (int64_t r = 0; r < v[1].size(); ++r)
          for (int64_t j = 0; j < n; ++j)
            if (v[1].data[r] >= 0 && v[1].data[r] < v[0].shape[0])
              y.data[r * n + j] =
                  v[0].data[static_cast<int64_t>(v[1].data[r]) * n + j];
        return Results{y};
      })
      .Case<pg::EmbedGradOp>([&](auto) {
        Tensor y(shape);
        int64_t n = shape[1];
        for (int64_t r = 0; r < v[1].size(); ++r)
          for (int64_t j = 0; j < n; ++j)
            if (v[1].data[r] >= 0 && v[1].data[r] < shape[0])
              y.data[static_cast<int64_t>(v[1].data[r]) * n + j] +=
                  v[0].data[r * n + j];
        return Results{y};
      })
      .Case<pg::PickOp>([&](auto) {
        Tensor y(shape);
        int64_t n = v[0].shape.back();
        for (int64_t r = 0; r < y.size(); ++r)
          if (v[1].data[r] >= 0 && v[1].data[r] < n)
            y.data[r] = v[0].data[r * n + static_cast<int64_t>(v[1].data[r])];
        return Results{y};
      })
      .Case<pg::RopeOp>([&](pg::RopeOp c) { return Results{rope(c, v)}; })
      .Case<pg::AttentionOp>([&](pg::AttentionOp c) { return attention(c, v); })
      .Case<pg::AttentionGradOp>(
          [&](pg::AttentionGradOp c) { return attentionGrad(c, v); })
      .Case<pg::XsaOp>([&](auto) { return Results{xsa(v)}; })
      .Case<pg::RmsNormOp>([&](auto) {
        Tensor y = v[0];
        int64_t n = y.shape.back();
        for (int64_t r = 0; r < y.size() / n; ++r) {
          double square = sum(llvm::ArrayRef(&v[0].data[r * n], n),
                              [](double x) { return x * x; });
          for (int64_t j = 0; j < n; ++j)
            y.data[r * n + j] /=
                std::sqrt(square / static_cast<double>(n) + 0x1p-23);
        }
        return Results{y};
      })
      .Case<pg::NormalizeOp>([&](auto) {
        Tensor y = v[0];
        int64_t n = y.shape.back();
        for (int64_t r = 0; r < y.size() / n; ++r) {
          double square = sum(llvm::ArrayRef(&v[0].data[r * n], n),
                              [](double x) { return x * x; });
          for (int64_t j = 0; j < n; ++j)
            y.data[r * n + j] /= std::max(std::sqrt(square), 1e-12);
        }
        return Results{y};
      })
      .Case<pg::MeanOp>([&](pg::MeanOp c) {
        return Results{statistic(v[0], c.getAxes(), shape, [](Numbers &x) {
          return sum(x, [](double y) { return y; }) /
                 static_cast<double>(x.size());
        })};
      })
      .Case<pg::NormOp>([&](pg::NormOp c) {
        return Results{statistic(v[0], c.getAxes(), shape, [](Numbers &x) {
          return std::sqrt(sum(x, [](double y) { return y * y; }));
        })};
      })
      .Case<pg::StdOp>([&](pg::StdOp c) {
        return Results{statistic(v[0], c.getAxes(), shape, [](Numbers &x) {
          double n = static_cast<double>(x.size()),
                 mean = sum(x, [](double y) { return y; }) / n;
          return std::sqrt(
              sum(x, [=](double y) { return (y - mean) * (y - mean); }) /
              (n - 1));
        })};
      })
      .Case<pg::LogSumExpOp>([&](pg::LogSumExpOp c) {
        return Results{statistic(v[0], {static_cast<int64_t>(c.getAxis())},
                                 shape,
                                 [](Numbers &x) { return logSumExp(x); })};
      })
      .Case<pg::QuantileOp>([&](pg::QuantileOp c) {
        double q = c.getQ().convertToDouble();
        return Results{statistic(
            v[0], {static_cast<int64_t>(c.getAxis())}, shape, [=](Numbers &x) {
              std::sort(x.begin(), x.end());
              double place = q * static_cast<double>(x.size() - 1),
                     low = std::floor(place);
              size_t i = static_cast<size_t>(low),
                     j = std::min(i + 1, x.size() - 1);
              return x[i] + (place - low) * (x[j] - x[i]);
            })};
      })
      .Case<pg::TokenNllOp>([&](auto) { return Results{tokenNll(v)}; })
      .Case<pg::CrossEntropyOp>([&](auto) {
        Tensor nll = tokenNll(v);
        return Results{Tensor({}, sum(nll.data, [](double x) { return x; }) /
                                      static_cast<double>(nll.size()))};
      })
      .Default([](Operation *) { return Results{}; });
}

} // namespace pgtest
