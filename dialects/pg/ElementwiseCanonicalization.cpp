// Simpler forms of elementwise operations.
#include "dialects/pg/Building.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace pg;

namespace {

/// An operand that is spread explicitly, where the operation would spread it
/// itself; also a constant of equal numbers.
template <typename OpTy> struct DropBroadcast : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    for (OpOperand &operand : op->getOpOperands()) {
      auto spreads = [&](ArrayRef<int64_t> shape) {
        return spreadsItself(op, operand, shape);
      };
      if (auto broadcast = operand.get().template getDefiningOp<BroadcastOp>();
          broadcast && spreads(broadcast.getX().getType().getShape())) {
        rewriter.modifyOpInPlace(op, [&] { operand.set(broadcast.getX()); });
        return success();
      }
      DenseElementsAttr constant;
      if (matchPattern(operand.get(), m_Constant(&constant)) &&
          constant.isSplat() && constant.getType().getRank() > 0 &&
          spreads({})) {
        auto type = RankedTensorType::get({}, constant.getElementType());
        Value scalar = ConstantOp::create(rewriter, op.getLoc(), type,
                                          constant.resizeSplat(type));
        rewriter.modifyOpInPlace(op, [&] { operand.set(scalar); });
        return success();
      }
    }
    return failure();
  }

  /// Whether the result keeps its shape if the operand has the given one.
  static bool spreadsItself(Operation *op, OpOperand &operand,
                            ArrayRef<int64_t> shape) {
    std::optional<Shape> joined = Shape(shape);
    for (OpOperand &other : op->getOpOperands())
      if (joined && &other != &operand)
        joined =
            broadcastShapes(*joined, getTensorType(other.get()).getShape());
    return joined && ArrayRef<int64_t>(*joined) ==
                         getTensorType(op->getResult(0)).getShape();
  }
};

/// a + (-b) is a - b, a - (-b) is a + b.
struct AddNegated : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op,
                                PatternRewriter &rewriter) const override {
    if (auto neg = op.getRhs().getDefiningOp<NegOp>())
      rewriter.replaceOpWithNewOp<SubOp>(op, op.getLhs(), neg.getX());
    else if (auto neg = op.getLhs().getDefiningOp<NegOp>())
      rewriter.replaceOpWithNewOp<SubOp>(op, op.getRhs(), neg.getX());
    else
      return failure();
    return success();
  }
};
struct SubNegated : OpRewritePattern<SubOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SubOp op,
                                PatternRewriter &rewriter) const override {
    auto neg = op.getRhs().getDefiningOp<NegOp>();
    if (!neg)
      return failure();
    rewriter.replaceOpWithNewOp<AddOp>(op, op.getLhs(), neg.getX());
    return success();
  }
};

/// Powers with small constant exponents are products and roots.
struct ExpandPower : OpRewritePattern<PowOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PowOp op,
                                PatternRewriter &rewriter) const override {
    DenseElementsAttr exponents;
    if (!matchPattern(op.getRhs(), m_Constant(&exponents)) ||
        !exponents.isSplat() || op.getLhs().getType() != op.getType())
      return failure();
    APFloat exponent = exponents.getSplatValue<APFloat>();
    auto is = [&](double value) {
      APFloat wanted(value);
      bool inexact;
      wanted.convert(exponent.getSemantics(), APFloat::rmNearestTiesToEven,
                     &inexact);
      return exponent == wanted;
    };
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value x = op.getLhs(), y;
    if (is(2))
      y = MulOp::create(b, x, x);
    else if (is(3))
      y = MulOp::create(b, MulOp::create(b, x, x), x);
    else if (is(4)) {
      Value square = MulOp::create(b, x, x);
      y = MulOp::create(b, square, square);
    } else if (is(0.5))
      y = SqrtOp::create(b, x);
    else if (is(-0.5))
      y = RsqrtOp::create(b, x);
    else if (is(-1))
      y = DivOp::create(b, buildScalar(b, 1, x), x);
    else
      return failure();
    rewriter.replaceOp(op, y);
    return success();
  }
};

} // namespace

void AddOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                        MLIRContext *context) {
  patterns.add<DropBroadcast<AddOp>, AddNegated>(context);
}
void SubOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                        MLIRContext *context) {
  patterns.add<DropBroadcast<SubOp>, SubNegated>(context);
}
void PowOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                        MLIRContext *context) {
  patterns.add<DropBroadcast<PowOp>, ExpandPower>(context);
}
#define PG_DROP_BROADCAST(OP)                                                  \
  void OP::getCanonicalizationPatterns(RewritePatternSet &patterns,            \
                                       MLIRContext *context) {                 \
    patterns.add<DropBroadcast<OP>>(context);                                  \
  }
PG_DROP_BROADCAST(MulOp)
PG_DROP_BROADCAST(DivOp)
PG_DROP_BROADCAST(MaxOp)
PG_DROP_BROADCAST(MinOp)
PG_DROP_BROADCAST(FloorDivOp)
PG_DROP_BROADCAST(ModOp)
PG_DROP_BROADCAST(XorOp)
PG_DROP_BROADCAST(AndOp)
PG_DROP_BROADCAST(OrOp)
PG_DROP_BROADCAST(CompareOp)
PG_DROP_BROADCAST(SelectOp)
#undef PG_DROP_BROADCAST
