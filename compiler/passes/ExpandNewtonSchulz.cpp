// Replaces pg.newton_schulz by its steps.
//
// X is the matrix with its shorter side as rows. A tall matrix is not
// transposed: its columns take the part of the rows, and products come from the
// other side, which is the same because X Xᵀ and all that is made of it are
// symmetric.
#include "compiler/passes/Passes.h"
#include "dialects/pg/Building.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_EXPANDNEWTONSCHULZ
#include "compiler/passes/Passes.h.inc"
} // namespace pgc

namespace {

/// One step's polynomial a X + b X Xᵀ X + c (X Xᵀ)² X.
struct Step {
  double a, b, c;
};

/// Added to the Frobenius norm that X is divided by, and the least sum of a row
/// that its scaling divides by.
constexpr double tiny = 1e-7;
/// The Gram form starts over before this step, counted from 0: rounding makes R
/// indefinite with time.
constexpr size_t restartStep = 2;

class Expansion {
public:
  explicit Expansion(pg::NewtonSchulzOp op)
      : b(op.getLoc(), OpBuilder(op)), op(op),
        tall(op.getType().getDimSize(0) > op.getType().getDimSize(1)) {
    ArrayRef<double> numbers = op.getCoeffs();
    for (size_t i = 0; i < numbers.size(); i += 3)
      steps.push_back({numbers[i], numbers[i + 1], numbers[i + 2]});
  }

  Value run() {
    Value u = op.getU();
    Value norm = pg::SqrtOp::create(
        b, pg::buildSum(b, pg::MulOp::create(b, u, u), {0, 1}));
    Value x = pg::DivOp::create(
        b, u, pg::AddOp::create(b, norm, pg::buildScalar(b, tiny, u)));
    return op.getGram() ? runGram(x) : runPlain(x);
  }

private:
  Value mul(Value x, Value y) { return pg::MulOp::create(b, x, y); }
  Value add(Value x, Value y) { return pg::AddOp::create(b, x, y); }

  /// X Xᵀ, square, of the shorter side.
  Value gramOf(Value x) {
    return pg::MatmulOp::create(b, x, x, /*transposeA=*/tall,
                                /*transposeB=*/!tall);
  }

  /// P X for a symmetric P.
  Value apply(Value p, Value x) {
    return tall ? pg::MatmulOp::create(b, x, p) : pg::MatmulOp::create(b, p, x);
  }

  /// Q X for any Q.
  Value applyProduct(Value q, Value x) {
    return tall ? pg::MatmulOp::create(b, x, q, /*transposeA=*/false,
                                       /*transposeB=*/true)
                : pg::MatmulOp::create(b, q, x);
  }

  /// One over the square root of the rows' sums of |R|, as a column [n, 1].
  Value rowScales(Value r) {
    Value sums = pg::buildSum(b, pg::AbsOp::create(b, r), {1});
    return pg::RsqrtOp::create(
        b, pg::MaxOp::create(b, sums, pg::buildScalar(b, tiny, r)));
  }

  /// A column [n, 1] as a row [1, n].
  Value asRow(Value column) {
    return pg::buildReshape(b, column,
                            {1, pg::getTensorType(column).getDimSize(0)});
  }

  /// The rows of X times a column of numbers.
  Value scaleRows(Value x, Value column) {
    return mul(x, tall ? asRow(column) : column);
  }

  /// b A + c A².
  Value evenPart(const Step &step, Value a) {
    Value square = pg::MatmulOp::create(b, a, a);
    return add(pg::buildScaled(b, square, step.c),
               pg::buildScaled(b, a, step.b));
  }

  Value runPlain(Value x) {
    if (op.getAol())
      x = scaleRows(x, rowScales(gramOf(x)));
    for (const Step &step : steps)
      x = add(apply(evenPart(step, gramOf(x)), x),
              pg::buildScaled(b, x, step.a));
    return x;
  }

  /// `factor` on the diagonal of an n × n matrix, 0 elsewhere.
  Value diagonal(double factor, Value like) {
    ArrayRef<int64_t> shape = pg::getTensorType(like).getShape();
    Value hit = pg::CompareOp::create(b, pg::Predicate::eq,
                                      pg::IotaOp::create(b, shape, 0),
                                      pg::IotaOp::create(b, shape, 1));
    return pg::SelectOp::create(b, hit, pg::buildScalar(b, factor, like),
                                pg::buildScalar(b, 0, like));
  }

  Value runGram(Value x) {
    Value r = gramOf(x), q; // a null q is the unit matrix
    if (op.getAol()) {
      Value column = rowScales(r);
      x = scaleRows(x, column);
      r = mul(mul(r, column), asRow(column));
    }
    for (auto [i, step] : llvm::enumerate(steps)) {
      if (i == restartStep) {
        x = applyProduct(q, x);
        r = gramOf(x);
        q = nullptr;
      }
      Value p = add(evenPart(step, r), diagonal(step.a, r));
      q = q ? pg::MatmulOp::create(b, p, q) : p;
      bool last = i + 1 == steps.size() || i + 1 == restartStep;
      if (!last)
        r = pg::MatmulOp::create(b, pg::MatmulOp::create(b, p, r), p);
    }
    return applyProduct(q, x);
  }

  ImplicitLocOpBuilder b;
  pg::NewtonSchulzOp op;
  bool tall;
  SmallVector<Step> steps;
};

struct ExpandNewtonSchulz
    : pgc::impl::ExpandNewtonSchulzBase<ExpandNewtonSchulz> {
  void runOnOperation() override {
    getOperation().walk([](pg::NewtonSchulzOp op) {
      op.getResult().replaceAllUsesWith(Expansion(op).run());
      op.erase();
    });
  }
};

} // namespace
