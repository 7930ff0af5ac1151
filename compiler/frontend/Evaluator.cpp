#include "compiler/frontend/Evaluator.h"
#include <numbers>

namespace pgc {

/// Expressions that one pass may evaluate: far more than any model needs.
static constexpr int64_t maxWork = 20'000'000;

Evaluator::Evaluator(Session &session, Pass pass, mlir::Block *block)
    : session(session), pass(std::move(pass)), builder(&session.context, this),
      stepEmitter(std::make_unique<StepEmitter>(block)), entry(block),
      fuel(maxWork) {
  builder.setInsertionPointToEnd(block);
  char here;
  stackBase = &here;
}

// ---- messages

Report::~Report() {
  evaluator.addContext(diagnostic);
  evaluator.session.dropped = Diagnostic();
}

Report &Report::detail(std::string text) {
  diagnostic.detail(std::move(text));
  return *this;
}

Report &Report::note(std::string text) {
  diagnostic.note(std::move(text));
  return *this;
}

Report &Report::note(SourceRange range, std::string text) {
  diagnostic.note(range, std::move(text));
  return *this;
}

Report &Report::help(std::string text) {
  diagnostic.help(std::move(text));
  return *this;
}

Report &Report::defines(const std::vector<std::string> &names) {
  evaluator.session.noteDefines(diagnostic, names);
  return *this;
}

Report &Report::defines(const ast::Expr &expr) {
  std::vector<std::string> names;
  collectNames(expr, names);
  return defines(names);
}

Report &Report::defines(llvm::ArrayRef<Dim> dims) {
  std::vector<std::string> names;
  for (const Dim &d : dims)
    names.push_back(d.name.str());
  return defines(names);
}

Report Evaluator::error(SourceRange range, std::string message) {
  // One mistake is met in each layer, with other numbers in the message.
  if (range.isValid() && !session.reported.insert(range).second)
    return Report(*this, session.dropped);
  return Report(*this, session.diagnostics.error(range, std::move(message)));
}

std::string Evaluator::Region::describe() const {
  if (merge)
    return "merge position " + std::to_string(position);
  return "layer " + pgc::describe(label);
}

bool Evaluator::Region::sameOwner(const Region &other) const {
  if (merge != other.merge || recurrence != other.recurrence)
    return false;
  if (merge)
    return position == other.position;
  return equal(label, other.label).value_or(false);
}

void Evaluator::addContext(Diagnostic &diagnostic) {
  if (frames.empty())
    return;
  const Frame &inner = frames.back();
  std::string caller =
      frames.size() > 1 ? frames[frames.size() - 2].fn->name.text : pass.place;
  std::string text = "in '" + inner.fn->name.text + "', called from '" +
                     caller + "' (" + session.sources.place(inner.call) + ")";
  if (!regions.empty())
    text += ", " + regions.back().describe();
  diagnostic.note(text);
}

/// The leaves that a tensor or step value is computed from: "'tokens'", ...
static std::vector<std::string> findSources(const Value &value) {
  std::vector<std::string> found;
  auto add = [&](std::string name) {
    if (std::find(found.begin(), found.end(), name) == found.end())
      found.push_back(std::move(name));
  };
  if (value.isStep()) {
    std::vector<const StepExpr *> work{value.asStep()};
    std::set<const StepExpr *> seen;
    while (!work.empty()) {
      const StepExpr *e = work.back();
      work.pop_back();
      if (!e || !seen.insert(e).second)
        continue;
      if (e->op == StepExpr::Op::Step)
        add("step");
      if (e->op == StepExpr::Op::Progress)
        add("progress");
      work.insert(work.end(), e->operands, e->operands + 3);
    }
  }
  if (!value.isTensor())
    return found;
  const Tensor &tensor = value.asTensor();
  if (tensor.parameter)
    add(tensor.parameter->name);
  std::vector<mlir::Value> work{tensor.value};
  llvm::DenseSet<mlir::Value> seen;
  while (!work.empty() && found.size() < 3) {
    mlir::Value v = work.back();
    work.pop_back();
    if (!v || !seen.insert(v).second)
      continue;
    if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(v)) {
      mlir::Operation *parent = argument.getOwner()->getParentOp();
      if (auto recur = llvm::dyn_cast_or_null<pg::RecurOp>(parent))
        work.insert(work.end(), recur.getInit().begin(), recur.getInit().end());
      else
        add(argument.getArgNumber() == 0 ? "tokens" : "targets");
      continue;
    }
    mlir::Operation *op = v.getDefiningOp();
    if (auto load = llvm::dyn_cast<pg::LoadOp>(op))
      add(load.getVariable().str());
    work.insert(work.end(), op->operand_begin(), op->operand_end());
  }
  return found;
}

Value Evaluator::notKnown(SourceRange range, const Value &value,
                          std::string what, std::string help) {
  if (value.isPoison())
    return Value();
  Report report =
      error(range, std::move(what) + " must be known when compiling");
  std::vector<std::string> sources = findSources(value);
  if (value.isStep() && dependsOnSolved(value.asStep())) {
    report.detail("'" + (pass.solved ? pass.solved->name : "it") +
                  "' is raised by 'solve' after training, until the artifact "
                  "fits");
  } else if (!sources.empty()) {
    bool token = sources[0] == "tokens" || sources[0] == "targets";
    report.detail("'" + sources[0] + "' " + (token ? "change" : "changes") +
                  " from step to step");
  }
  if (!help.empty())
    report.help(std::move(help));
  return Value();
}

// ---- names

Value Evaluator::ambient(llvm::StringRef name, SourceRange range) {
  auto absent = [&](std::string why) -> Value {
    return error(range, "'" + name.str() + "' " + why);
  };
  if (pass.quantizes && (name == "step" || name == "progress"))
    return absent("is not known here: weights are quantised once, when "
                  "training is over");
  if (name == "step" || name == "progress")
    return Value::step(session.steps.leaf(
        name == "step" ? StepExpr::Op::Step : StepExpr::Op::Progress));
  if (name == "pi")
    return Value::number(std::numbers::pi);
  if (name == "training")
    return Value::integer(pass.training);
  if (name == "adapting")
    return Value::integer(pass.adapting);
  if (name == "visit") {
    if (regions.empty() || regions.back().merge)
      return absent("is known in a layer of 'recur' only");
    readVisit = true;
    return Value::integer(regions.back().visit, "visit");
  }
  if (name == "inherited")
    return absent("has nothing below it here");
  if (name != "tokens" && name != "targets")
    return absent("can stand in its section only");
  mlir::Value tensor = name == "tokens" ? pass.tokens : pass.targets;
  if (!tensor)
    return absent("are known in 'model' and 'loss' only");
  auto shape = llvm::cast<mlir::RankedTensorType>(tensor.getType()).getShape();
  return wrap(tensor, {{shape[0], "B"}, {shape[1], "T"}}, Element::Integer);
}

Value Evaluator::lookup(llvm::StringRef name, SourceRange range, Scope &scope) {
  if (const Value *value = scope.find(name)) {
    if (value->isTensor() && !regions.empty())
      if (mlir::Value v = value->asTensor().value)
        if (llvm::isa<mlir::BlockArgument>(v))
          firstReads.try_emplace(v, range);
    return *value;
  }
  for (auto &[output, value] : llvm::reverse(outputs))
    if (output == name)
      return value;
  if (const Symbol *symbol = session.program.lookup(std::string_view(name)))
    return symbolValue(*symbol, range);
  for (auto [i, s] : llvm::enumerate(session.switches))
    if (s->name.text == name) {
      if (pass.hasSwitches)
        return Value::integer(pass.switches[i]);
      return error(range, "the switch '" + name.str() +
                              "' cannot be read here: it is what is decided");
    }
  if (const Word *word = findWord(name)) {
    Function f{Function::Kind::Word};
    f.word = word;
    return Value::function(f);
  }
  if (isReservedWord(std::string_view(name)))
    return ambient(name, range);
  std::vector<std::string> candidates;
  scope.collectNames(candidates);
  for (auto &output : outputs)
    candidates.push_back(output.first.str());
  for (auto &symbol : session.program.symbols)
    candidates.push_back(symbol->name);
  for (const ast::Switch *s : session.switches)
    candidates.push_back(s->name.text);
  const std::vector<std::string> &words = reservedWords();
  candidates.insert(candidates.end(), words.begin(), words.end());
  return error(range, "nothing is called '" + name.str() + "' here" +
                          didYouMean(std::string_view(name), candidates));
}

Value Evaluator::symbolValue(const Symbol &symbol, SourceRange range) {
  if (symbol.kind == SymbolKind::Constant)
    return constant(symbol, symbol.stack.size() - 1, range);
  if (symbol.kind == SymbolKind::Parameter)
    return declareParameter(symbol.top().param(), nullptr);
  Function f{Function::Kind::User};
  f.fn = &symbol.top().fn();
  f.symbol = &symbol;
  f.level = symbol.stack.size() - 1;
  return Value::function(f);
}

Value Evaluator::constant(const Symbol &symbol, int level, SourceRange range) {
  auto key = std::make_pair(&symbol, level);
  if (auto it = constants.find(key); it != constants.end())
    return it->second;
  auto cycle = std::find(evaluating.begin(), evaluating.end(), key);
  if (cycle != evaluating.end()) {
    std::string names;
    for (auto it = cycle; it != evaluating.end(); ++it)
      names += it->first->name + " → ";
    Report report = error(Symbol::nameRange(symbol.stack[level]),
                          "'" + symbol.name +
                              "' is defined by itself: " + names + symbol.name);
    for (auto it = cycle + 1; it != evaluating.end(); ++it)
      report.note(Symbol::nameRange(it->first->stack[it->second]),
                  "by way of '" + it->first->name + "'");
    return Value();
  }
  if (!enter(range))
    return Value();
  evaluating.push_back(key);
  std::vector<Frame> callers; // it belongs to none of them
  std::swap(callers, frames);
  bool outer = readVisit;
  readVisit = false;
  Scope &scope = newScope(nullptr);
  if (level > 0) {
    Function below{Function::Kind::InheritedLet};
    below.symbol = &symbol;
    below.level = level - 1;
    scope.set("inherited", Value::function(below));
  }
  const ast::Let &let = symbol.stack[level].let();
  Value value = evaluate(*let.value, scope);
  if (let.pattern && !value.isPoison())
    if (!checkPattern(*let.pattern, value, scope, symbol.name,
                      let.value->range))
      value = Value();
  if (value.isInteger())
    value = value.named(session.intern(symbol.name));
  if (&symbol == pass.solved && level + 1 == int(symbol.stack.size()) &&
      value.isNumber()) {
    value = Value::step(session.steps.solved(value.asDouble()));
  }
  evaluating.pop_back();
  std::swap(callers, frames);
  leave();
  if (!value.holdsTensor() && !readVisit)
    constants[key] = value;
  readVisit |= outer;
  return value;
}

Scope &Evaluator::newScope(const Scope *parent) {
  return newScope(parent, parent ? parent->size() : 0);
}

Scope &Evaluator::newScope(const Scope *parent, size_t visible) {
  return scopes.emplace_back(parent, visible);
}

// Guards against programs that never end, or nest too deeply for the stack.
bool Evaluator::enter(SourceRange range) {
  char here;
  auto distance = std::abs(stackBase - &here);
  if (stopped())
    return false;
  if (--fuel < 0) {
    if (fuel == -1)
      error(range, "the program is too large: it evaluates more than " +
                       std::to_string(maxWork) + " expressions");
    return false;
  }
  if (depth >= 4000 || distance > (4 << 20)) {
    error(range, "calls are nested too deeply here");
    return false;
  }
  ++depth;
  return true;
}

} // namespace pgc
