#include "compiler/frontend/AstPrinter.h"

#include "compiler/frontend/AstWalk.h"

#include <set>
#include <sstream>

using namespace pgc;
using namespace pgc::ast;
using llvm::cast;
using llvm::dyn_cast;
using llvm::isa;

namespace {
/// How tightly an expression binds: the rules of the grammar, loosest first.
enum Level { Any, OrLevel, AndLevel, NotLevel, ComparisonLevel, RangeLevel, SumLevel, TermLevel, UnaryLevel, PowerLevel, PostfixLevel };

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

/// Writes trees; `inherited` is written as a name of the program.
class Printer {
public:
  /// What `inherited` is called in what is printed next, and whether it is a constant: "inherited()" is then the name.
  std::string inheritedName = "inherited";
  bool inheritedIsConstant = false;

  std::string text(const Expr &expr, Level atLeast = Any) {
    std::string inner = bare(expr);
    return levelOf(expr) < atLeast ? "(" + inner + ")" : inner;
  }
  void statement(const Stmt &stmt, unsigned indent, std::string &out);
  std::string block(const Block &block, unsigned indent, size_t column);
  std::string fn(const Fn &fn, const std::string &name, unsigned indent);
  std::string let(const Let &let, const std::string &name);
  std::string param(const Param &param);
  std::string assertion(const Assert &assertion);

private:
  static constexpr size_t lineLength = 120;
  std::string bare(const Expr &expr);
  std::string shape(const Pattern &pattern);
  template <class List, class F> std::string join(const List &list, F &&each) {
    std::string result;
    for (const auto &element : list)
      result += (result.empty() ? "" : ", ") + each(element);
    return result;
  }
};
} // namespace

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
    return cast<Name>(expr).text == "inherited" ? inheritedName : cast<Name>(expr).text;
  case Expr::Kind::Ellipsis:
    return "...";
  case Expr::Kind::List:
    return "[" + join(cast<List>(expr).elements, element) + "]";
  case Expr::Kind::Comprehension: {
    const auto &node = cast<Comprehension>(expr);
    return "[for " + node.variable.text + " in " + text(*node.list) + ": " + text(*node.element) + "]";
  }
  case Expr::Kind::Unary: {
    const auto &node = cast<Unary>(expr);
    return node.op == UnaryOp::Not ? "not " + text(*node.operand, NotLevel) : "-" + text(*node.operand, UnaryLevel);
  }
  case Expr::Kind::Binary: {
    const auto &node = cast<Binary>(expr);
    Level level = levelOf(expr);
    Level left = level, right = tighter(level); // to the left
    if (level == ComparisonLevel)
      left = tighter(level); // do not chain
    if (level == PowerLevel)
      left = PostfixLevel, right = UnaryLevel;
    return text(*node.left, left) + " " + spelling(node.op) + " " + text(*node.right, right);
  }
  case Expr::Kind::Range: {
    const auto &node = cast<Range>(expr);
    // Sums are set off, as people write them: 0..n, but k + 1 .. n.
    bool isWide = levelOf(*node.begin) < PostfixLevel || (node.end && levelOf(*node.end) < PostfixLevel);
    std::string dots = node.end && isWide ? " .. " : "..";
    return text(*node.begin, SumLevel) + dots + (node.end ? text(*node.end, SumLevel) : "");
  }
  case Expr::Kind::Conditional: {
    const auto &node = cast<Conditional>(expr);
    return "if " + text(*node.condition) + " then " + text(*node.thenValue) + " else " + text(*node.elseValue);
  }
  case Expr::Kind::Call: {
    const auto &node = cast<Call>(expr);
    if (inheritedIsConstant && node.calleeName() == "inherited")
      return inheritedName;
    return text(*node.callee, PostfixLevel) + "(" + join(node.arguments, [&](const Argument &argument) {
             return (argument.isNamed() ? argument.name.text + " = " : "") + text(*argument.value);
           }) + ")";
  }
  case Expr::Kind::Index:
    return text(*cast<Index>(expr).base, PostfixLevel) + "[" + join(cast<Index>(expr).indices, element) + "]";
  }
  return "";
}

std::string Printer::shape(const Pattern &pattern) {
  std::string sizes = join(pattern.sizes, [&](const ExprPtr &size) { return text(*size); });
  if (pattern.leadingEllipsis)
    return sizes.empty() ? "[...]" : "[..., " + sizes + "]";
  return "[" + sizes + "]";
}

std::string Printer::let(const Let &let, const std::string &name) {
  std::string target = name;
  if (let.takesApart)
    target = "[" + join(let.targets, [](const Identifier &each) { return each.text; }) + "]";
  return "let " + target + (let.pattern ? " : " + shape(*let.pattern) : "") + " = " + text(*let.value) + ";";
}

std::string Printer::param(const Param &param) {
  return "param " + param.name.text + (param.path ? " " + text(*param.path) : "") + " : " + text(*param.shape) + " = " +
         text(*param.init) + " in " + param.group.text + ";";
}

std::string Printer::assertion(const Assert &assertion) {
  return "assert " + text(*assertion.condition) + ", " + text(*assertion.text) + ";";
}

std::string Printer::fn(const Fn &fn, const std::string &name, unsigned indent) {
  std::string head = "fn " + name + "(" + join(fn.formals, [&](const Formal &formal) {
                       return formal.name.text + (formal.pattern ? " : " + shape(*formal.pattern) : "");
                     }) + ")" + (fn.under ? " under " + text(*fn.under) : "") + " ";
  return head + block(fn.body, indent, indent + head.size());
}

/// A block that starts in `column`: on one line if it holds one short statement.
std::string Printer::block(const Block &block, unsigned indent, size_t column) {
  std::string inner;
  for (const StmtPtr &stmt : block.statements)
    statement(*stmt, indent + 2, inner);
  bool isShort = block.statements.size() == 1 && column + (inner.size() - indent - 2) + 4 <= lineLength &&
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
    line = "state " + node.name.text + " : " + text(*node.shape) + " = " + text(*node.init) + " then " + text(*node.next) + ";";
    break;
  }
  case Stmt::Kind::Assert:
    line = assertion(cast<Assert>(stmt));
    break;
  case Stmt::Kind::Output:
    line = "output " + cast<Output>(stmt).name.text + " = " + text(*cast<Output>(stmt).value) + ";";
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
    line = "switch " + cast<Switch>(stmt).name.text + " = " + text(*cast<Switch>(stmt).condition) + ";";
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
  out += std::string(indent, ' ') + line + "\n";
}

// -------------------------------------------------------------------------------------------------------- flattening

namespace {
class Flattener {
public:
  explicit Flattener(const SourceProgram &program) : program(program) {}
  std::string run();

private:
  void collectNames();
  void reach(const std::string &name);
  template <class Node> void reachFrom(const Node &node) {
    forEachUse(node, [&](const std::string &name, SourceRange) { reach(name); });
  }
  std::string fresh(const std::string &name);
  void printSymbol(const Symbol &symbol);
  void printSection(SectionKind kind);
  std::string printLossBelow(size_t level);
  void emit(const std::string &text, Stmt::Kind kind);

  const SourceProgram &program;
  std::set<std::string> taken;   ///< all names in the program
  std::set<std::string> reached; ///< top-level names that are used
  std::string out;
  std::optional<Stmt::Kind> last;
};
} // namespace

/// The levels of a stack that are called, from the top downwards.
template <class Entry> static size_t lowestLevel(const std::vector<Entry> &stack) {
  size_t level = stack.size() - 1;
  while (level > 0 && stack[level].callsInherited)
    --level;
  return level;
}

void Flattener::reach(const std::string &name) {
  const Symbol *symbol = program.lookup(name);
  if (!symbol || !reached.insert(name).second)
    return;
  for (size_t level = lowestLevel(symbol->stack); level < symbol->stack.size(); ++level)
    reachFrom(*symbol->stack[level].stmt);
}

static void collectDeclared(const Stmt &stmt, std::set<std::string> &into) {
  if (const auto *let = dyn_cast<Let>(&stmt))
    for (const Identifier &target : let->targets)
      into.insert(target.text);
  if (const auto *fn = dyn_cast<Fn>(&stmt)) {
    into.insert(fn->name.text);
    for (const Formal &formal : fn->formals)
      into.insert(formal.name.text);
  }
  if (const auto *param = dyn_cast<Param>(&stmt))
    into.insert(param->name.text);
  if (const auto *state = dyn_cast<State>(&stmt))
    into.insert(state->name.text);
  if (const auto *output = dyn_cast<Output>(&stmt))
    into.insert(output->name.text);
  if (const auto *each = dyn_cast<Switch>(&stmt))
    into.insert(each->name.text);
  forEachUse(stmt, [&](const std::string &name, SourceRange) { into.insert(name); });
  forEachBlock(stmt, [&](const Block &block) {
    for (const StmtPtr &inner : block.statements)
      collectDeclared(*inner, into);
  });
}

void Flattener::collectNames() {
  for (const std::unique_ptr<File> &file : program.files)
    for (const TopLevel &element : file->elements) {
      if (element.definition)
        collectDeclared(*element.definition, taken);
      if (element.section)
        for (const StmtPtr &stmt : element.section->body.statements)
          collectDeclared(*stmt, taken);
    }
}

std::string Flattener::fresh(const std::string &name) {
  std::string result = name + ".inherited";
  for (unsigned number = 2; !taken.insert(result).second; ++number)
    result = name + ".inherited" + std::to_string(number);
  return result;
}

/// Appends a definition; unlike kinds, and functions, are set off by an empty line.
void Flattener::emit(const std::string &text, Stmt::Kind kind) {
  bool isLong = text.find('\n') + 1 < text.size();
  if (last && (*last != kind || isLong || kind == Stmt::Kind::Rule))
    out += "\n";
  out += text;
  last = kind;
}

void Flattener::printSymbol(const Symbol &symbol) {
  size_t top = symbol.stack.size() - 1;
  std::string below;
  for (size_t level = lowestLevel(symbol.stack); level <= top; ++level) {
    const Definition &definition = symbol.stack[level];
    Printer printer;
    printer.inheritedName = below;
    printer.inheritedIsConstant = symbol.kind == SymbolKind::Constant;
    std::string name = level == top ? symbol.name : fresh(symbol.name);
    if (symbol.kind == SymbolKind::Function)
      emit(printer.fn(definition.fn(), name, 0) + "\n", Stmt::Kind::Fn);
    else if (symbol.kind == SymbolKind::Constant)
      emit(printer.let(definition.let(), name) + "\n", Stmt::Kind::Let);
    else
      emit(printer.param(definition.param()) + "\n", Stmt::Kind::Param);
    below = name;
  }
}

void Flattener::printSection(SectionKind kind) {
  const std::vector<SectionDefinition> &stack = program.section(kind);
  if (stack.empty())
    return;
  Printer printer;
  std::string body;
  for (const Stmt *stmt : program.items(kind))
    printer.statement(*stmt, 2, body);
  emit(std::string(spelling(kind)) + (body.empty() ? " { }\n" : " {\n" + body + "}\n"), Stmt::Kind::Rule);
}

/// Prints the loss of a level as a function and returns its name.
std::string Flattener::printLossBelow(size_t level) {
  const std::vector<SectionDefinition> &stack = program.section(SectionKind::Loss);
  Printer printer;
  if (stack[level].callsInherited)
    printer.inheritedName = printLossBelow(level - 1);
  std::string name = fresh("loss");
  std::string head = "fn " + name + "() ";
  emit(head + printer.block(stack[level].section->body, 0, head.size()) + "\n", Stmt::Kind::Fn);
  return name;
}

std::string Flattener::run() {
  collectNames();
  for (const Assert *assertion : program.assertions)
    reachFrom(*assertion);
  const std::vector<SectionDefinition> &loss = program.section(SectionKind::Loss);
  for (size_t level = loss.empty() ? 0 : lowestLevel(loss); level < loss.size(); ++level)
    for (const StmtPtr &stmt : loss[level].section->body.statements)
      reachFrom(*stmt);
  for (unsigned kind = 0; kind < numSectionKinds; ++kind)
    for (const Stmt *item : program.items(SectionKind(kind)))
      reachFrom(*item);
  for (const std::unique_ptr<Symbol> &symbol : program.symbols)
    if (symbol->kind == SymbolKind::Parameter) // these exist whether they are named or not
      reach(symbol->name);

  for (const std::unique_ptr<Symbol> &symbol : program.symbols)
    if (reached.count(symbol->name))
      printSymbol(*symbol);
  Printer lossPrinter;
  if (!loss.empty() && loss.back().callsInherited)
    lossPrinter.inheritedName = printLossBelow(loss.size() - 2);
  for (const Assert *assertion : program.assertions)
    emit(Printer().assertion(*assertion) + "\n", Stmt::Kind::Assert);
  printSection(SectionKind::Model);
  if (!loss.empty())
    emit("loss " + lossPrinter.block(loss.back().section->body, 0, 5) + "\n", Stmt::Kind::Rule);
  for (SectionKind kind : {SectionKind::Train, SectionKind::Quantize, SectionKind::Pack, SectionKind::Evaluate})
    printSection(kind);
  return std::move(out);
}

std::string pgc::print(const Expr &expr) { return Printer().text(expr); }

std::string pgc::printFlattened(const SourceProgram &program) { return Flattener(program).run(); }
