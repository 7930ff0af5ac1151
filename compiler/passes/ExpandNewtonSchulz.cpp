// Replaces pg.newton_schulz by its steps.
//
// X is the matrix with its shorter side as rows. A tall matrix is not
// transposed: its columns take the part of the rows, and products come from the
// other side, which is the same because X Xᵀ and all that is made of it are
// symmetric.
//
// Which form is cheaper depends on the shape, the number of steps and what else
// is made of X Xᵀ. The pass knows by making both and counting what they
// multiply: no second formula has to keep up with the expansion.
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
      : b(op.getLoc(), OpBuilder(op)), op(op), rows(op.getType().getRank() - 2),
        columns(rows + 1),
        tall(op.getType().getDimSize(rows) > op.getType().getDimSize(columns)) {
    ArrayRef<double> numbers = op.getCoeffs();
    for (size_t i = 0; i < numbers.size(); i += 3)
      steps.push_back({numbers[i], numbers[i + 1], numbers[i + 2]});
  }

  /// Replaces the operation by `form`, which is not `cheaper`. Returns the
  /// multiplications of all products.
  double replace(pg::NewtonSchulzForm form) {
    op.getResult().replaceAllUsesWith(run(form));
    op.erase();
    return multiplications;
  }

private:
  Value run(pg::NewtonSchulzForm form) {
    Value u = op.getU();
    Value norm = pg::SqrtOp::create(
        b, pg::buildSum(b, pg::MulOp::create(b, u, u), {rows, columns}));
    Value x = pg::DivOp::create(
        b, u, pg::AddOp::create(b, norm, pg::buildScalar(b, tiny, u)));
    return form == pg::NewtonSchulzForm::gram ? runGram(x) : runPlain(x);
  }

  Value product(Value x, Value y, bool transposeX = false,
                bool transposeY = false) {
    Value xy = pg::MatmulOp::create(b, x, y, transposeX, transposeY);
    multiplications += double(pg::getTensorType(xy).getNumElements()) *
                       double(pg::getTensorType(x).getDimSize(rows + !transposeX));
    return xy;
  }

  Value mul(Value x, Value y) { return pg::MulOp::create(b, x, y); }
  Value add(Value x, Value y) { return pg::AddOp::create(b, x, y); }

  /// X Xᵀ, square, of the shorter side.
  Value gramOf(Value x) {
    return product(x, x, /*transposeX=*/tall, /*transposeY=*/!tall);
  }

  /// P X for a symmetric P.
  Value apply(Value p, Value x) { return tall ? product(x, p) : product(p, x); }

  /// Q X for any Q.
  Value applyProduct(Value q, Value x) {
    return tall ? product(x, q, /*transposeX=*/false, /*transposeY=*/true)
                : product(q, x);
  }

  /// One over the square root of the rows' sums of |R|, as a column [n, 1].
  Value rowScales(Value r) {
    Value sums = pg::buildSum(b, pg::AbsOp::create(b, r), {columns});
    return pg::RsqrtOp::create(
        b, pg::MaxOp::create(b, sums, pg::buildScalar(b, tiny, r)));
  }

  /// A column [n, 1] as a row [1, n].
  Value asRow(Value column) {
    SmallVector<int64_t> shape(pg::getTensorType(column).getShape());
    std::swap(shape[rows], shape[columns]);
    return pg::buildReshape(b, column, shape);
  }

  /// The rows of X times a column of numbers.
  Value scaleRows(Value x, Value column) {
    return mul(x, tall ? asRow(column) : column);
  }

  /// b A + c A².
  Value evenPart(const Step &step, Value a) {
    Value square = product(a, a);
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
                                      pg::IotaOp::create(b, shape, rows),
                                      pg::IotaOp::create(b, shape, columns));
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
      q = q ? product(p, q) : p;
      bool last = i + 1 == steps.size() || i + 1 == restartStep;
      if (!last)
        r = product(product(p, r), p);
    }
    return applyProduct(q, x);
  }

  ImplicitLocOpBuilder b;
  pg::NewtonSchulzOp op;
  int64_t rows, columns; // axes of a matrix
  bool tall;
  SmallVector<Step> steps;
  double multiplications = 0;
};

/// What the operation would multiply in the given form; it stays as it is.
double countMultiplications(pg::NewtonSchulzOp op, pg::NewtonSchulzForm form) {
  OwningOpRef<ModuleOp> scratch = ModuleOp::create(op.getLoc());
  OpBuilder b(scratch->getBodyRegion());
  auto function = func::FuncOp::create(
      b, op.getLoc(), "counted",
      b.getFunctionType(op.getU().getType(), op.getType()));
  Block *body = function.addEntryBlock();
  b.setInsertionPointToStart(body);
  auto copy = cast<pg::NewtonSchulzOp>(b.clone(*op));
  copy.getUMutable().assign(body->getArgument(0));
  return Expansion(copy).replace(form);
}

/// The form to expand to. The plain one among equals.
pg::NewtonSchulzForm chooseForm(pg::NewtonSchulzOp op) {
  using pg::NewtonSchulzForm;
  if (op.getForm() != NewtonSchulzForm::cheaper)
    return op.getForm();
  return countMultiplications(op, NewtonSchulzForm::gram) <
                 countMultiplications(op, NewtonSchulzForm::plain)
             ? NewtonSchulzForm::gram
             : NewtonSchulzForm::plain;
}

struct ExpandNewtonSchulz
    : pgc::impl::ExpandNewtonSchulzBase<ExpandNewtonSchulz> {
  void runOnOperation() override {
    getOperation().walk(
        [](pg::NewtonSchulzOp op) { Expansion(op).replace(chooseForm(op)); });
  }
};

} // namespace
