#include "compiler/frontend/AstWalk.h"
#include "compiler/frontend/LossTerms.h"
#include "compiler/frontend/Warnings.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

namespace pgc {

namespace {
/// Follows the gradient of a term backwards to the parameters.
class GradientSearch {
public:
  /// Finds the parameters that get a gradient from `term`.
  void run(mlir::Value term);
  llvm::SetVector<llvm::StringRef> parameters;
  /// A sum in which something was added and taken away again.
  mlir::Operation *cancelled = nullptr;

private:
  void expand(mlir::Value v, int sign,
              llvm::MapVector<mlir::Value, int> &addends);
  std::vector<mlir::Value> work;
  llvm::DenseSet<mlir::Value> seen;
};
} // namespace

static bool isZero(mlir::Value v) {
  mlir::DenseElementsAttr value;
  return mlir::matchPattern(v, mlir::m_Constant(&value)) && value.isSplat() &&
         llvm::isa<mlir::FloatType>(value.getElementType()) &&
         value.getSplatValue<llvm::APFloat>().isZero();
}

static bool isFloat(mlir::Value v) {
  auto type = llvm::dyn_cast<mlir::RankedTensorType>(v.getType());
  return type && llvm::isa<mlir::FloatType>(type.getElementType());
}

/// What is added up to v, and how often: h + a - h is a.
void GradientSearch::expand(mlir::Value v, int sign,
                            llvm::MapVector<mlir::Value, int> &addends) {
  mlir::Operation *op = v.getDefiningOp();
  if (op && llvm::isa<pg::AddOp, pg::SubOp>(op)) {
    expand(op->getOperand(0), sign, addends);
    expand(op->getOperand(1), llvm::isa<pg::AddOp>(op) ? sign : -sign, addends);
  } else if (op && llvm::isa<pg::NegOp>(op)) {
    expand(op->getOperand(0), -sign, addends);
  } else {
    addends[v] += sign;
  }
}

void GradientSearch::run(mlir::Value term) {
  work.push_back(term);
  while (!work.empty()) {
    mlir::Value root = work.back();
    work.pop_back();
    if (!seen.insert(root).second)
      continue;
    llvm::MapVector<mlir::Value, int> addends;
    expand(root, 1, addends);
    for (auto [v, times] : addends) {
      mlir::Operation *op = v.getDefiningOp();
      if (times == 0)
        cancelled = root.getDefiningOp();
      if (times == 0 || !op || !isFloat(v) || op->hasTrait<pg::ZeroGradient>())
        continue;
      op->walk([&](mlir::Operation *inner) {
        if (auto load = llvm::dyn_cast<pg::LoadOp>(inner))
          parameters.insert(load.getVariable());
        for (mlir::Value operand : inner->getOperands()) // seen from a region
          if (inner != op && isFloat(operand) &&
              !op->isAncestor(operand.getParentBlock()->getParentOp()))
            work.push_back(operand);
      });
      if (llvm::isa<pg::MulOp>(op) &&
          (isZero(op->getOperand(0)) || isZero(op->getOperand(1))))
        continue;
      for (mlir::Value operand : op->getOperands())
        if (isFloat(operand))
          work.push_back(operand);
    }
  }
}

static void collectAddends(const Session &session, const ast::Expr &expr,
                           int sign, std::map<std::string, int> &sums,
                           std::vector<std::string> &order) {
  auto *binary = llvm::dyn_cast<ast::Binary>(&expr);
  bool add = binary && binary->op == ast::BinaryOp::Add;
  if (add || (binary && binary->op == ast::BinaryOp::Subtract)) {
    collectAddends(session, *binary->left, sign, sums, order);
    collectAddends(session, *binary->right, add ? sign : -sign, sums, order);
    return;
  }
  std::string text(session.sources.text(expr.range));
  sums[text] += sign;
  order.push_back(text);
}

std::vector<TracedTerm> traceTerms(Session &session, ModelTrace &trace) {
  std::vector<TracedTerm> terms;
  mlir::Operation *ret = trace.function.getBody().front().getTerminator();
  for (auto [i, expr] : llvm::enumerate(trace.terms)) {
    GradientSearch search;
    search.run(ret->getOperand(1 + i));
    auto name =
        trace.function.getResultAttrOfType<mlir::StringAttr>(1 + i, "pg.name");
    TracedTerm &term = terms.emplace_back();
    llvm::StringRef text = name.getValue();
    text.consume_front("term.");
    term.name = text.str();
    term.expr = expr;
    for (llvm::StringRef parameter : search.parameters)
      term.parameters.push_back(parameter.str());
    if (!term.parameters.empty())
      continue;
    Diagnostic &warning = session.diagnostics.warning(
        expr->range, "inert",
        "this term is inert: no parameter gets a gradient from it");
    auto origin = trace.origins.find(search.cancelled);
    if (origin == trace.origins.end() || !origin->second.expr)
      continue;
    const ast::Expr &sum = *origin->second.expr;
    std::map<std::string, int> sums;
    std::vector<std::string> order;
    collectAddends(session, sum, 1, sums, order);
    for (const std::string &text : order)
      if (sums[text] == 0) {
        warning.note(sum.range,
                     "here " + text + " + … − " + text +
                         " cancels, and what is left is under stop_gradient");
        break;
      }
  }
  return terms;
}

} // namespace pgc
