#include "compiler/frontend/Warnings.h"

namespace pgc {

namespace {

/// Whether values that come from other positions are taken out where another
/// document begins: by a factor, or a choice, that depends on the tokens.
class Boundaries {
public:
  explicit Boundaries(mlir::Value tokens) : tokens(tokens) {}

  /// Whether all that is made of a value passes such a mask first.
  bool isMasked(mlir::Value value);

private:
  /// Made of the tokens by integer arithmetic and comparisons alone.
  bool dependsOnTokens(mlir::Value value);
  bool isMask(mlir::Value value);

  mlir::Value tokens;
};

} // namespace

static bool isInteger(mlir::Value v) {
  auto type = llvm::dyn_cast<mlir::RankedTensorType>(v.getType());
  return type && type.getElementType().isInteger();
}

bool Boundaries::dependsOnTokens(mlir::Value value) {
  if (value == tokens)
    return true;
  mlir::Operation *op = value.getDefiningOp();
  return op && isInteger(value) &&
         llvm::any_of(op->getOperands(),
                      [&](mlir::Value v) { return dependsOnTokens(v); });
}

/// A comparison of tokens, reshaped or as floats, or a product with one.
bool Boundaries::isMask(mlir::Value value) {
  mlir::Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (llvm::isa<pg::CompareOp>(op))
    return dependsOnTokens(op->getOperand(0)) ||
           dependsOnTokens(op->getOperand(1));
  if (llvm::isa<pg::ConvertOp, pg::ReshapeOp, pg::BroadcastOp, pg::SliceOp,
                pg::StopGradientOp>(op))
    return isMask(op->getOperand(0));
  if (llvm::isa<pg::MulOp, pg::AndOp>(op))
    return isMask(op->getOperand(0)) || isMask(op->getOperand(1));
  return false;
}

bool Boundaries::isMasked(mlir::Value value) {
  return llvm::all_of(value.getUses(), [&](mlir::OpOperand &use) {
    mlir::Operation *user = use.getOwner();
    if (llvm::isa<pg::MulOp>(user)) {
      mlir::Value other = user->getOperand(1 - use.getOperandNumber());
      return isMask(other) || isMasked(user->getResult(0));
    }
    if (llvm::isa<pg::SelectOp>(user))
      return isMask(user->getOperand(0)) || isMasked(user->getResult(0));
    // What only says where documents begin may look back.
    if (llvm::isa<pg::CompareOp>(user))
      return true;
    if (llvm::isa<pg::ConvertOp, pg::ReshapeOp, pg::BroadcastOp, pg::SliceOp,
                  pg::NegOp, pg::LinearOp>(user) &&
        use.getOperandNumber() == 0)
      return isMasked(user->getResult(0));
    return false;
  });
}

/// How an operation reads other positions of its sequence; empty if it does
/// not.
static std::string describeRead(mlir::Operation *op) {
  if (auto shift = llvm::dyn_cast<pg::ShiftOp>(op))
    if (shift.getAxis() == 1 && shift.getAmount() > 0)
      return shift.getAmount() == 1
                 ? "this reads the position before"
                 : "this reads " + std::to_string(shift.getAmount()) +
                       " positions back";
  if (auto attention = llvm::dyn_cast<pg::AttentionOp>(op))
    if (!attention.getSegment())
      return "this attention reads all positions before";
  if (auto sum = llvm::dyn_cast<pg::CumsumOp>(op))
    if (sum.getAxis() == 1 && !isInteger(sum.getResult()))
      return "this sums over all positions before";
  return "";
}

void warnOfBoundaryReads(Session &session, ModelTrace &trace) {
  pg::AttentionOp masked;
  trace.function->walk([&](pg::AttentionOp op) {
    if (op.getSegment() && !masked)
      masked = op;
  });
  if (!masked)
    return;
  auto placeOf = [&](mlir::Operation *op) {
    auto origin = trace.origins.find(op);
    return origin == trace.origins.end() || !origin->second.expr
               ? SourceRange()
               : origin->second.expr->range;
  };
  Boundaries boundaries(trace.function.getArgument(0));
  trace.function->walk([&](mlir::Operation *op) {
    std::string read = describeRead(op);
    if (read.empty() || boundaries.isMasked(op->getResult(0)))
      return;
    session.diagnostics
        .warning(placeOf(op), "document-boundary",
                 read + ", across document boundaries too, in a model whose "
                        "attention stays within documents")
        .note(placeOf(masked), "attention is masked here")
        .help(llvm::isa<pg::AttentionOp>(op)
                  ? "give it the segments: attention(q, k, v, segment = …)"
                  : "multiply what comes from before by a mask, as  "
                    "reshape(tokens != bos, [..., 1])");
  });
}

} // namespace pgc
