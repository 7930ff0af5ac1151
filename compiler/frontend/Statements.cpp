#include "compiler/frontend/Evaluator.h"

namespace pgc {

using namespace ast;

static bool isPlaceholder(const std::string &name) { return name == "_"; }

void Evaluator::runLet(const Let &let, Scope &scope) {
  Value value = evaluate(*let.value, scope);
  if (let.pattern && !value.isPoison() &&
      !checkPattern(*let.pattern, value, scope, let.targets[0].text,
                    let.value->range))
    value = Value();
  if (!let.takesApart) {
    const std::string &name = let.targets[0].text;
    if (value.isInteger() && value.name().empty())
      value = value.named(name);
    scope.set(name, value);
    return;
  }
  if (!value.isPoison()) {
    size_t want = let.targets.size();
    std::string names = std::to_string(want) + " names";
    if (want == 1)
      names = "1 name";
    if (!value.isList())
      error(let.value->range,
            names + " take a list apart; this is " + value.kindName().str());
    else if (value.asList().size() != want)
      error(let.value->range,
            names + " for a list of " + std::to_string(value.asList().size()));
    else {
      for (size_t i = 0; i < want; ++i) {
        Value element = value.asList()[i];
        const std::string &name = let.targets[i].text;
        if (element.isInteger() && element.name().empty())
          element = element.named(name);
        if (!isPlaceholder(name))
          scope.set(name, element);
      }
      return;
    }
  }
  for (const Identifier &target : let.targets)
    if (!isPlaceholder(target.text))
      scope.set(target.text, Value());
}

bool Evaluator::checkAssert(const Assert &statement, Scope &scope) {
  Value value = evaluate(*statement.condition, scope);
  auto holds = condition(value, statement.condition->range,
                         "the condition of an 'assert' statement");
  if (!holds || *holds)
    return holds.has_value();
  auto text = format(*statement.text, scope);
  if (!text)
    return false;
  std::vector<std::string> names;
  collectNames(*statement.condition, names);
  error(statement.condition->range, *text).defines(names);
  return false;
}

Evaluator::Flow Evaluator::run(const Block &block, Scope &scope,
                               Value &result) {
  for (const StmtPtr &statement : block.statements) {
    switch (statement->kind()) {
    case Stmt::Kind::Let:
      runLet(llvm::cast<Let>(*statement), scope);
      break;
    case Stmt::Kind::Fn: {
      auto &fn = llvm::cast<Fn>(*statement);
      Function f{Function::Kind::User};
      f.fn = &fn;
      f.scope = &scope;
      f.visible = scope.size() + 1; // it sees its own name, to be told off
      scope.set(fn.name.text, Value::function(f));
      break;
    }
    case Stmt::Kind::Param: {
      auto &param = llvm::cast<Param>(*statement);
      scope.set(param.name.text, declareParameter(param, &scope));
      break;
    }
    case Stmt::Kind::State: {
      auto &state = llvm::cast<State>(*statement);
      scope.set(state.name.text, declareState(state, scope));
      break;
    }
    case Stmt::Kind::Assert:
      checkAssert(llvm::cast<Assert>(*statement), scope);
      break;
    case Stmt::Kind::Output: {
      auto &output = llvm::cast<Output>(*statement);
      outputs.emplace_back(output.name.text, evaluate(*output.value, scope));
      break;
    }
    case Stmt::Kind::Return: {
      const Expr &value = *llvm::cast<Return>(*statement).value;
      result = frames.empty() && returnOfSection ? returnOfSection(value, scope)
                                                 : evaluate(value, scope);
      return Flow::Returned;
    }
    case Stmt::Kind::Inherited:
      if (inheritedModel)
        inheritedModel();
      break;
    case Stmt::Kind::If: {
      auto &branch = llvm::cast<If>(*statement);
      Value value = evaluate(*branch.condition, scope);
      auto taken = condition(
          value, branch.condition->range, "the condition of an 'if' statement",
          "to select by value, write  if … then … else …;  to compile two "
          "versions, declare a switch in 'train'");
      if (!taken) {
        result = Value();
        return Flow::Returned;
      }
      const Block *chosen = *taken             ? &branch.thenBlock
                            : branch.elseBlock ? &*branch.elseBlock
                                               : nullptr;
      if (chosen && run(*chosen, newScope(&scope), result) == Flow::Returned)
        return Flow::Returned;
      break;
    }
    default:
      break; // items of sections: see Sections.cpp
    }
    if (stopped()) {
      result = Value();
      return Flow::Returned;
    }
  }
  return Flow::Next;
}

} // namespace pgc
