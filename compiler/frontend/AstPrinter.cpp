#include "compiler/frontend/Printer.h"

using namespace pgc;
using namespace pgc::ast;
using llvm::cast;
using llvm::dyn_cast;
using llvm::isa;

namespace {
/// How tightly an expression binds: the rules of the grammar, loosest first.
enum Level {
  Any,
  OrLevel,
  AndLevel,
  NotLevel,
  ComparisonLevel,
  RangeLevel,
  SumLevel,
  TermLevel,
  UnaryLevel,
  PowerLevel,
  PostfixLevel
};

Level levelOf(const Expr &expr) {
  switch (expr.kind()) {
  case Expr::Kind::Conditional:
    return Any;
  case Expr::Kind::Range:
    return RangeLevel;
  case Expr::Kind::Unary:
    return cast<Unary>(expr).op == UnaryOp::Not ? NotLevel : UnaryLevel;
  case Expr::Kind::Binary:
    switch (cast<Binary>(expr).op) {
    case BinaryOp::Or:
      return OrLevel;
    case BinaryOp::And:
      return AndLevel;
    case BinaryOp::Add:
    case BinaryOp::Subtract:
      return SumLevel;
    case BinaryOp::Multiply:
    case BinaryOp::Divide:
    case BinaryOp::FloorDivide:
    case BinaryOp::Modulo:
    case BinaryOp::MatMul:
      return TermLevel;
    case BinaryOp::Power:
      return PowerLevel;
    default:
      return ComparisonLevel;
    }
  default:
    return PostfixLevel;
  }
}

Level tighter(Level level) { return Level(level + 1); }

} // namespace

std::string Printer::text(const Expr &expr, int atLeast) {
  std::string inner = bare(expr);
  return levelOf(expr) < atLeast ? "(" + inner + ")" : inner;
}

std::string Printer::bare(const Expr &expr) {
  auto element = [&](const ExprPtr &part) { return text(*part); };
  switch (expr.kind()) {
  case Expr::Kind::Integer:
    return cast<Integer>(expr).spelling;
  case Expr::Kind::Float:
    return cast<Float>(expr).spelling;
  case Expr::Kind::String:
    return "\"" + cast<String>(expr).spelling + "\"";
  case Expr::Kind::Name:
    return cast<Name>(expr).text == "inherited" ? inheritedName
                                                : cast<Name>(expr).text;
  case Expr::Kind::Ellipsis:
    return "...";
  case Expr::Kind::List:
    return "[" + join(cast<List>(expr).elements, element) + "]";
  case Expr::Kind::Comprehension: {
    const auto &node = cast<Comprehension>(expr);
    return "[for " + node.variable.text + " in " + text(*node.list) + ": " +
           text(*node.element) + "]";
  }
  case Expr::Kind::Unary: {
    const auto &node = cast<Unary>(expr);
    return node.op == UnaryOp::Not ? "not " + text(*node.operand, NotLevel)
                                   : "-" + text(*node.operand, UnaryLevel);
  }
  case Expr::Kind::Binary: {
    const auto &node = cast<Binary>(expr);
    Level level = levelOf(expr);
    Level left = level, right = tighter(level); // to the left
    if (level == ComparisonLevel)
      left = tighter(level); // do not chain
    if (level == PowerLevel)
      left = PostfixLevel, right = UnaryLevel;
    return text(*node.left, left) + " " + spelling(node.op) + " " +
           text(*node.right, right);
  }
  case Expr::Kind::Range: {
    const auto &node = cast<Range>(expr);
    // Sums are set off, as people write them: 0..n, but k + 1 .. n.
    bool isWide = levelOf(*node.begin) < PostfixLevel ||
                  (node.end && levelOf(*node.end) < PostfixLevel);
    std::string dots = node.end && isWide ? " .. " : "..";
    return text(*node.begin, SumLevel) + dots +
           (node.end ? text(*node.end, SumLevel) : "");
  }
  case Expr::Kind::Conditional: {
    const auto &node = cast<Conditional>(expr);
    return "if " + text(*node.condition) + " then " + text(*node.thenValue) +
           " else " + text(*node.elseValue);
  }
  case Expr::Kind::Call: {
    const auto &node = cast<Call>(expr);
    if (inheritedIsConstant && node.calleeName() == "inherited")
      return inheritedName;
    return text(*node.callee, PostfixLevel) + "(" +
           join(node.arguments,
                [&](const Argument &argument) {
                  return (argument.isNamed() ? argument.name.text + " = "
                                             : "") +
                         text(*argument.value);
                }) +
           ")";
  }
  case Expr::Kind::Index:
    return text(*cast<Index>(expr).base, PostfixLevel) + "[" +
           join(cast<Index>(expr).indices, element) + "]";
  }
  return "";
}

std::string Printer::wrap(std::string line, unsigned indent) {
  std::string result;
  size_t limit = lineLength - indent;
  while (line.size() > limit && line.find('\n') == std::string::npos) {
    size_t best = 0;
    unsigned depth = 0, bestDepth = ~0u;
    bool inString = false;
    for (size_t i = 0; i < limit; ++i) {
      char c = line[i];
      inString ^= c == '"';
      if (inString)
        continue;
      depth += c == '(' || c == '[' || c == '{';
      depth -= depth > 0 && (c == ')' || c == ']' || c == '}');
      if (c == ',' && i > limit / 3 && depth <= bestDepth)
        best = i, bestDepth = depth;
    }
    if (best == 0)
      break;
    result += line.substr(0, best + 1) + "\n" + std::string(indent + 4, ' ');
    line = line.substr(best + 2); // behind the ", "
    limit = lineLength - indent - 4;
  }
  return result + line;
}

std::string Printer::shape(const Pattern &pattern) {
  std::string sizes =
      join(pattern.sizes, [&](const ExprPtr &size) { return text(*size); });
  if (pattern.leadingEllipsis)
    return sizes.empty() ? "[...]" : "[..., " + sizes + "]";
  return "[" + sizes + "]";
}

std::string Printer::let(const Let &let, const std::string &name) {
  std::string target = name;
  if (let.takesApart)
    target =
        "[" +
        join(let.targets, [](const Identifier &each) { return each.text; }) +
        "]";
  return "let " + target + (let.pattern ? " : " + shape(*let.pattern) : "") +
         " = " + text(*let.value) + ";";
}

std::string Printer::param(const Param &param) {
  return "param " + param.name.text +
         (param.path ? " " + text(*param.path) : "") + " : " +
         text(*param.shape) + " = " + text(*param.init) + " in " +
         param.group.text + ";";
}

std::string Printer::assertion(const Assert &assertion) {
  return "assert " + text(*assertion.condition) + ", " + text(*assertion.text) +
         ";";
}

std::string Printer::fn(const Fn &fn, const std::string &name,
                        unsigned indent) {
  std::string head =
      "fn " + name + "(" +
      join(fn.formals,
           [&](const Formal &formal) {
             return formal.name.text +
                    (formal.pattern ? " : " + shape(*formal.pattern) : "");
           }) +
      ")" + (fn.under ? " under " + text(*fn.under) : "") + " ";
  return head + block(fn.body, indent, indent + head.size());
}

/// A block that starts in `column`: on one line if it holds one short
/// statement.
std::string Printer::block(const Block &block, unsigned indent, size_t column) {
  std::string inner;
  for (const StmtPtr &stmt : block.statements)
    statement(*stmt, indent + 2, inner);
  bool isShort = block.statements.size() == 1 &&
                 column + (inner.size() - indent - 2) + 4 <= lineLength &&
                 inner.find('\n') == inner.size() - 1;
  if (isShort)
    return "{ " + inner.substr(indent + 2, inner.size() - indent - 3) + " }";
  return inner.empty() ? "{ }" : "{\n" + inner + std::string(indent, ' ') + "}";
}

/// Appends a statement with its indentation and the end of its line.
void Printer::statement(const Stmt &stmt, unsigned indent, std::string &out) {
  std::string line;
  switch (stmt.kind()) {
  case Stmt::Kind::Let:
    line = let(cast<Let>(stmt), cast<Let>(stmt).targets.front().text);
    break;
  case Stmt::Kind::Fn:
    line = fn(cast<Fn>(stmt), cast<Fn>(stmt).name.text, indent);
    break;
  case Stmt::Kind::Param:
    line = param(cast<Param>(stmt));
    break;
  case Stmt::Kind::State: {
    const auto &node = cast<State>(stmt);
    line = "state " + node.name.text + " : " + text(*node.shape) + " = " +
           text(*node.init) + " then " + text(*node.next) + ";";
    break;
  }
  case Stmt::Kind::Assert:
    line = assertion(cast<Assert>(stmt));
    break;
  case Stmt::Kind::Output:
    line = "output " + cast<Output>(stmt).name.text + " = " +
           text(*cast<Output>(stmt).value) + ";";
    break;
  case Stmt::Kind::Return:
    line = "return " + text(*cast<Return>(stmt).value) + ";";
    break;
  case Stmt::Kind::If: {
    const auto &node = cast<If>(stmt);
    line = "if " + text(*node.condition) + " ";
    line += block(node.thenBlock, indent, indent + line.size());
    if (!node.elseBlock)
      break;
    line += " else ";
    if (node.elseIf) {
      std::string inner;
      statement(*node.elseBlock->statements.front(), indent, inner);
      line += inner.substr(indent, inner.size() - indent - 1);
    } else {
      line += block(*node.elseBlock, indent, indent + line.size());
    }
    break;
  }
  case Stmt::Kind::Inherited:
    line = "inherited();";
    break;
  case Stmt::Kind::Switch:
    line = "switch " + cast<Switch>(stmt).name.text + " = " +
           text(*cast<Switch>(stmt).condition) + ";";
    break;
  case Stmt::Kind::Setting:
    line = text(*cast<Setting>(stmt).call) + ";";
    break;
  case Stmt::Kind::Rule: {
    const auto &node = cast<Rule>(stmt);
    line = text(*node.who, PostfixLevel) + " => " + text(*node.what);
    line += node.items ? " " + block(*node.items, indent, lineLength) : ";";
    break;
  }
  }
  out += std::string(indent, ' ') + wrap(std::move(line), indent) + "\n";
}

std::string pgc::print(const Expr &expr) { return Printer().text(expr); }
