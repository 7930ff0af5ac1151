// verify-evaluation: checks that scores are what an evaluation may report. Each
// token's is the negative logarithm of a softmax over the whole vocabulary, of
// logits that do not depend on the targets; and scoring changes nothing.
#include "compiler/passes/Passes.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_VERIFYEVALUATION
#include "compiler/passes/Passes.h.inc"

namespace {

struct VerifyEvaluationPass : impl::VerifyEvaluationBase<VerifyEvaluationPass> {
  void runOnOperation() override {
    bool good = true;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isDeclaration())
        continue;
      StringRef role = getRole(function);
      if (role == "score" || role == "logits")
        good &= succeeded(checkEffects(function)) &&
                succeeded(checkResult(function, role));
      if (role == "adapt_update" && function.getNumArguments() != 0) {
        function.emitOpError("updates parameters and reads tokens: they could "
                             "reach parameters before they are scored");
        good = false;
      }
    }
    if (!good)
      signalPassFailure();
  }

private:
  static LogicalResult checkEffects(func::FuncOp function) {
    WalkResult result = function.walk([&](Operation *op) {
      StringRef variable;
      if (auto store = dyn_cast<pg::StoreOp>(op))
        variable = store.getVariable();
      else if (auto accumulate = dyn_cast<pg::AccumulateOp>(op))
        variable = accumulate.getVariable();
      else
        return WalkResult::advance();
      op->emitOpError("changes '")
          << variable << "' in a function that scores: a token would reach "
          << "what scores the tokens after it";
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }

  LogicalResult checkResult(func::FuncOp function, StringRef role) {
    StringRef wanted = role == "score" ? "nll" : "logits";
    auto name = function.getNumResults() == 1
                    ? function.getResultAttrOfType<StringAttr>(0, "pg.name")
                    : nullptr;
    if (function.getNumResults() != 1 || (name && name != wanted))
      return function.emitOpError("has the role '")
             << role << "' and must return '" << wanted << "' alone";
    Value value = function.front().getTerminator()->getOperand(0);
    return role == "score" ? checkNll(function, value)
                           : checkVocabulary(function, value);
  }

  LogicalResult checkNll(func::FuncOp function, Value value) {
    while (auto slice = value.getDefiningOp<pg::SliceOp>())
      value = slice.getX();
    auto nll = value.getDefiningOp<pg::TokenNllOp>();
    if (!nll)
      return function.emitOpError(
          "returns scores that are not negative logarithms of a softmax over "
          "the vocabulary (pg.token_nll)");
    if (function.getNumArguments() != 2 ||
        nll.getIds() != function.getArgument(1))
      return nll.emitOpError("scores something other than the targets");
    if (failed(checkVocabulary(nll, nll.getZ())))
      return failure();
    if (dependsOn(nll.getZ(), function.getArgument(1)))
      return nll.emitOpError("scores logits that depend on the targets");
    return success();
  }

  LogicalResult checkVocabulary(Operation *op, Value logits) {
    auto vocabulary =
        getOperation()->getAttrOfType<IntegerAttr>("pg.vocabulary");
    int64_t width = pg::getTensorType(logits).getShape().back();
    if (!vocabulary || vocabulary.getInt() == width)
      return success();
    return op->emitOpError("has logits of ")
           << width << " of the vocabulary's " << vocabulary.getInt()
           << " tokens: a distribution is over all of them";
  }

  /// Whether `value` is computed from `source`; through regions too.
  static bool dependsOn(Value value, Value source) {
    llvm::SetVector<Operation *> work;
    auto add = [&](Value v) {
      if (Operation *op = v.getDefiningOp())
        work.insert(op);
      return v == source;
    };
    if (add(value))
      return true;
    for (size_t i = 0; i < work.size(); ++i) {
      WalkResult result = work[i]->walk([&](Operation *op) {
        for (Value operand : op->getOperands())
          if (add(operand))
            return WalkResult::interrupt();
        return WalkResult::advance();
      });
      if (result.wasInterrupted())
        return true;
    }
    return false;
  }
};

} // namespace
} // namespace pgc
