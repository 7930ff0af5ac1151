#include "compiler/frontend/LossTerms.h"
#include "compiler/frontend/AstWalk.h"

namespace pgc {

using ast::SectionKind;

/// The first function that an expression calls, other than to join numbers.
static const ast::Call *findCall(const ast::Expr &expr, bool any) {
  if (auto *call = llvm::dyn_cast<ast::Call>(&expr)) {
    const std::string &name = call->calleeName();
    bool joins = name == "sum" || name == "mean" || name == "f32" ||
                 name == "max" || name == "min";
    if (!name.empty() && (any || !joins))
      return call;
  }
  const ast::Call *found = nullptr;
  ast::forEachChild(expr, [&](const ast::Expr &child) {
    if (!found)
      found = findCall(child, any);
  });
  return found;
}

namespace {
class LossBuilder {
public:
  explicit LossBuilder(Evaluator &ev) : ev(ev) {}
  std::optional<Loss> build();

private:
  Value runLevel(int level, SourceRange range);
  Value addends(const ast::Expr &expr, Scope &scope);
  void addTerm(const ast::Expr &expr, const Value &value);

  Evaluator &ev;
  Loss loss;
  int current = 0;    // the level that runs
  bool splits = true; // what is returned now is an addend of the loss
};
} // namespace

Value LossBuilder::runLevel(int level, SourceRange range) {
  const auto &stack = ev.session.program.section(SectionKind::Loss);
  const ast::Section &section = *stack[level].section;
  Scope &scope = ev.newScope(nullptr);
  if (level > 0) {
    Function below{Function::Kind::InheritedLoss};
    below.level = level - 1;
    scope.set("inherited", Value::function(below));
  }
  int outer = std::exchange(current, level);
  Value result;
  if (ev.run(section.body, scope, result) == Evaluator::Flow::Next)
    ev.error(section.keywordRange, "'loss' can end without 'return'");
  current = outer;
  return result;
}

void LossBuilder::addTerm(const ast::Expr &expr, const Value &value) {
  auto scalar = ev.toTensor(value, Element::Float, expr.range, "loss");
  if (!scalar)
    return;
  if (scalar->rank() != 0) {
    ev.error(expr.range, "the loss is a scalar, of shape []; this is " +
                             describe(scalar->dims))
        .help("mean(…) or sum(…) make a scalar of a tensor");
    return;
  }
  const ast::Call *call = findCall(expr, false);
  if (!call)
    call = findCall(expr, true);
  std::string name = call ? call->calleeName() : "term";
  std::string unique = name;
  auto taken = [&] {
    return llvm::any_of(loss.terms, [&](auto &t) { return t.first == unique; });
  };
  for (int n = 2; taken(); ++n)
    unique = name + "." + std::to_string(n);
  loss.terms.emplace_back(unique, ev.load(*scalar, expr.range));
  loss.exprs.push_back(call ? call : &expr);
}

// A returned sum falls into its addends, through `inherited()` too.
Value LossBuilder::addends(const ast::Expr &expr, Scope &scope) {
  auto *sum = llvm::dyn_cast<ast::Binary>(&expr);
  if (sum && sum->op == ast::BinaryOp::Add) {
    Value a = addends(*sum->left, scope);
    Value b = addends(*sum->right, scope);
    return ev.binary(ast::BinaryOp::Add, a, b, *sum);
  }
  auto *call = llvm::dyn_cast<ast::Call>(&expr);
  if (call && call->calleeName() == "inherited" && call->arguments.empty() &&
      current > 0)
    return runLevel(current - 1, expr.range);
  splits = false;
  Value value = ev.evaluate(expr, scope);
  splits = true;
  if (!value.isPoison())
    addTerm(expr, value);
  return value;
}

std::optional<Loss> LossBuilder::build() {
  const auto &stack = ev.session.program.section(SectionKind::Loss);
  ev.returnOfSection = [this](const ast::Expr &expr, Scope &scope) {
    return splits ? addends(expr, scope) : ev.evaluate(expr, scope);
  };
  ev.inheritedLoss = [this](int level, SourceRange range) {
    return runLevel(level, range);
  };
  SourceRange range = stack.back().section->keywordRange;
  Value value = runLevel(int(stack.size()) - 1, range);
  ev.returnOfSection = nullptr;
  ev.inheritedLoss = nullptr;
  if (value.isPoison())
    return std::nullopt;
  auto scalar = ev.toTensor(value, Element::Float, range, "loss");
  if (!scalar || scalar->rank() != 0)
    return std::nullopt; // said of a term
  loss.value = ev.load(*scalar, range);
  return std::move(loss);
}

std::optional<Loss> evaluateLoss(Evaluator &ev) {
  return LossBuilder(ev).build();
}

} // namespace pgc
