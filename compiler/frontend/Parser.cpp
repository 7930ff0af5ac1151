// Files, definitions, statements and items of the grammar; errors and what the parser does after them.
#include "compiler/frontend/ParserImpl.h"

#include <utility>

using namespace pgc;
using namespace pgc::ast;
using llvm::dyn_cast;

// ------------------------------------------------------------------------------------------------ tokens and errors

const Token &Parser::take() {
  const Token &token = peek();
  if (token.kind != TokenKind::End)
    ++next;
  return token;
}

bool Parser::fail(SourceRange range, std::string message, std::string help) {
  if (complainedAt == next)
    return false;
  complainedAt = next;
  Diagnostic &error = diagnostics.error(range, std::move(message));
  if (!help.empty())
    error.help(std::move(help));
  return false;
}

std::string Parser::found() const {
  const Token &token = peek();
  if (token.kind == TokenKind::End)
    return diagnostics.sources().name(file).front() == '<' ? "nothing more" : "the end of the file";
  if (token.kind == TokenKind::String)
    return "a string";
  return "'" + std::string(token.text) + "'";
}

bool Parser::failExpected(const std::string &what, std::string help) {
  return fail(peek().range, "expected " + what + ", found " + found(), std::move(help));
}

bool Parser::expect(TokenKind kind, const char *context) {
  if (accept(kind))
    return true;
  std::string what = describe(kind);
  if (*context)
    what += std::string(" ") + context;
  return failExpected(what);
}

bool Parser::expectClosing(TokenKind kind, SourceRange opener) {
  if (accept(kind))
    return true;
  if (complainedAt == next)
    return false;
  complainedAt = next;
  const Token &token = peek();
  Diagnostic &error =
      diagnostics.error(token.range, std::string("expected ") + describe(kind) + ", found " + found());
  if (token.kind == TokenKind::Equal)
    error.help("to compare, write '=='; to name an argument, 'name = value'");
  const SourceManager &sources = diagnostics.sources();
  if (sources.lineColumn(file, opener.begin).line != sources.lineColumn(file, token.range.begin).line)
    error.note(opener, "this is what it would close");
  return false;
}

bool Parser::expectSemicolon(const char *after) {
  if (accept(TokenKind::Semicolon))
    return true;
  if (complainedAt == next)
    return false;
  complainedAt = next;
  SourceRange behind = previous().range.behind();
  Diagnostic &error = diagnostics.error(behind, std::string("expected ';' after this ") + after);
  error.insert(behind, ";");
  const Token &token = peek();
  const SourceManager &sources = diagnostics.sources();
  bool isNewLine = sources.lineColumn(file, behind.begin).line != sources.lineColumn(file, token.range.begin).line;
  // If something new starts here, only the sign is missing: go on as if it stood there.
  if (isNewLine || token.kind == TokenKind::RightBrace || token.kind == TokenKind::End)
    return true;
  if (token.kind == TokenKind::Equal)
    error.help("to compare, write '=='");
  return false;
}

/// Whether a token can only be the start of a statement or definition.
static bool startsStatement(TokenKind kind) {
  switch (kind) {
  case TokenKind::Include:
  case TokenKind::Override:
  case TokenKind::Let:
  case TokenKind::Fn:
  case TokenKind::Param:
  case TokenKind::State:
  case TokenKind::Switch:
  case TokenKind::Assert:
  case TokenKind::Output:
  case TokenKind::Return:
  case TokenKind::Model:
  case TokenKind::Loss:
  case TokenKind::Train:
  case TokenKind::Quantize:
  case TokenKind::Pack:
  case TokenKind::Evaluate:
    return true;
  default:
    return false;
  }
}

/// Whether a token stands at the top level of a file only.
static bool startsTopLevel(TokenKind kind) {
  return kind == TokenKind::Include || (kind >= TokenKind::Model && kind <= TokenKind::Evaluate);
}

bool Parser::skipLoneSemicolon() {
  if (!at(TokenKind::Semicolon))
    return false;
  fail(peek().range, "there is nothing that this ';' ends", "behind a '}' there is none");
  take();
  return true;
}

/// Goes behind the next ';' or the '}' of what is opened on the way; stops before a '}' that closes an outer block, and
/// before a line that starts a new statement.
void Parser::recover() {
  if (diagnostics.tooManyErrors()) {
    next = tokens.size() - 1;
    return;
  }
  const SourceManager &sources = diagnostics.sources();
  auto line = [&](const Token &token) { return sources.lineColumn(file, token.range.begin).line; };
  unsigned depth = 0;
  for (size_t first = next; !at(TokenKind::End); take()) {
    TokenKind kind = peek().kind;
    if (kind == TokenKind::LeftBrace)
      ++depth;
    else if (kind == TokenKind::RightBrace) {
      if (depth == 0)
        return;
      if (--depth == 0) {
        take();
        return;
      }
    } else if (kind == TokenKind::Semicolon && depth == 0) {
      take();
      return;
    } else if (depth == 0 && startsStatement(kind) && next > first && line(peek()) != line(previous())) {
      return;
    }
  }
}

// ------------------------------------------------------------------------------------------------------- statements

bool Parser::parseName(Identifier &name, const char *what) {
  const Token &token = peek();
  if (token.kind != TokenKind::Name) {
    bool isWord = token.kind >= TokenKind::Include && token.kind <= TokenKind::Evaluate;
    return failExpected(what, isWord ? std::string(describe(token.kind)) + " is a reserved word" : "");
  }
  take();
  name = {std::string(token.text), token.range};
  return true;
}

std::unique_ptr<Let> Parser::parseBinding() {
  uint32_t begin = peek().range.begin;
  auto node = std::make_unique<Let>(SourceRange());
  if (at(TokenKind::LeftBracket)) {
    SourceRange opener = take().range;
    node->takesApart = true;
    do {
      if (at(TokenKind::RightBracket) && !node->targets.empty())
        break;
      node->targets.emplace_back();
      if (!parseName(node->targets.back(), "a name"))
        return nullptr;
      if (node->targets.size() > maxListElements)
        return fail(previous().range, "too many names"), nullptr;
    } while (accept(TokenKind::Comma));
    if (!expectClosing(TokenKind::RightBracket, opener))
      return nullptr;
  } else {
    node->targets.emplace_back();
    if (!parseName(node->targets.back(), "a name"))
      return nullptr;
  }
  if (accept(TokenKind::Colon)) {
    node->pattern = parsePattern();
    if (!node->pattern)
      return nullptr;
  }
  if (!expect(TokenKind::Equal, "and a value"))
    return nullptr;
  node->value = parseExpr();
  node->range = since(begin);
  return node->value ? std::move(node) : nullptr;
}

bool Parser::parseLet(std::vector<StmtPtr> &into, bool isTopLevel, const char *what) {
  take();
  do {
    if (at(TokenKind::Semicolon) && previous().kind == TokenKind::Comma)
      break;
    std::unique_ptr<Let> binding = parseBinding();
    if (!binding)
      return false;
    if (isTopLevel && binding->takesApart)
      diagnostics.error(binding->targets.front().range, "at the top level a 'let' takes one name")
          .help("write  let all = …, first = all[0];");
    else
      into.push_back(std::move(binding));
  } while (accept(TokenKind::Comma));
  return expectSemicolon(what);
}

std::unique_ptr<Fn> Parser::parseFn() {
  uint32_t begin = take().range.begin;
  auto node = std::make_unique<Fn>(SourceRange());
  if (!parseName(node->name, "the name of the function"))
    return nullptr;
  SourceRange opener = peek().range;
  if (!expect(TokenKind::LeftParen, "and parameters"))
    return nullptr;
  while (!at(TokenKind::RightParen)) {
    Formal formal;
    if (!parseName(formal.name, "the name of a parameter"))
      return nullptr;
    for (const Formal &other : node->formals)
      if (other.name.text == formal.name.text && formal.name.text != "_")
        diagnostics.error(formal.name.range, "'" + formal.name.text + "' is already a parameter of this function")
            .note(other.name.range, "here");
    if (accept(TokenKind::Colon)) {
      formal.pattern = parsePattern();
      if (!formal.pattern)
        return nullptr;
    }
    if (at(TokenKind::Equal))
      return fail(peek().range, "parameters have no defaults", "give every argument in every call"), nullptr;
    node->formals.push_back(std::move(formal));
    if (node->formals.size() > maxListElements)
      return fail(previous().range, "too many parameters"), nullptr;
    if (!accept(TokenKind::Comma))
      break;
  }
  if (!expectClosing(TokenKind::RightParen, opener))
    return nullptr;
  if (accept(TokenKind::Under)) {
    node->under = parseExpr();
    if (!node->under)
      return nullptr;
  }
  Context outer = std::exchange(context, Context::Function);
  std::optional<Block> body = parseBlock();
  context = outer;
  if (!body)
    return nullptr;
  node->body = std::move(*body);
  node->range = since(begin);
  return node;
}

StmtPtr Parser::parseParam() {
  uint32_t begin = take().range.begin;
  auto node = std::make_unique<Param>(SourceRange());
  if (!parseName(node->name, "the name of the parameter"))
    return nullptr;
  if (at(TokenKind::String) && !(node->path = parseString()))
    return nullptr;
  if (!expect(TokenKind::Colon, "and a shape") || !(node->shape = parseExpr()))
    return nullptr;
  if (!expect(TokenKind::Equal, "and an initialiser") || !(node->init = parseExpr()))
    return nullptr;
  if (!at(TokenKind::In))
    return failExpected("'in' and a group", "param weight : [rows, columns] = 0 in matrix;"), nullptr;
  take();
  if (!parseName(node->group, "the name of a group") || !expectSemicolon("parameter"))
    return nullptr;
  node->range = since(begin);
  return node;
}

StmtPtr Parser::parseState() {
  uint32_t begin = take().range.begin;
  auto node = std::make_unique<State>(SourceRange());
  if (!parseName(node->name, "the name of the state") || !expect(TokenKind::Colon, "and a shape") ||
      !(node->shape = parseExpr()) || !expect(TokenKind::Equal, "and the value at the start") ||
      !(node->init = parseExpr()) || !expect(TokenKind::Then, "and the next value") || !(node->next = parseExpr()) ||
      !expectSemicolon("statement"))
    return nullptr;
  node->range = since(begin);
  return node;
}

StmtPtr Parser::parseAssert() {
  uint32_t begin = take().range.begin;
  auto node = std::make_unique<Assert>(SourceRange());
  if (!(node->condition = parseExpr()))
    return nullptr;
  if (!at(TokenKind::Comma))
    return failExpected("',' and a message", "assert dim % 2 == 0, \"dim ({dim}) is odd\";"), nullptr;
  take();
  if (!(node->text = parseString()) || !expectSemicolon("assertion"))
    return nullptr;
  node->range = since(begin);
  return node;
}

StmtPtr Parser::parseOutput() {
  SourceRange word = take().range;
  auto node = std::make_unique<Output>(SourceRange());
  if (!parseName(node->name, "the name of the output") || !expect(TokenKind::Equal, "and a value") ||
      !(node->value = parseExpr()) || !expectSemicolon("statement"))
    return nullptr;
  node->range = since(word.begin);
  if (context != Context::Model)
    diagnostics.error(word, "outputs are declared in 'model', outside of functions").help("to name a value, write 'let'");
  return node;
}

StmtPtr Parser::parseReturn() {
  SourceRange word = take().range;
  auto node = std::make_unique<Return>(SourceRange());
  if (!(node->value = parseExpr()) || !expectSemicolon("statement"))
    return nullptr;
  node->range = since(word.begin);
  if (context == Context::Model)
    diagnostics.error(word, "'model' returns nothing; it declares outputs").help("write  output logits = …;");
  return node;
}

StmtPtr Parser::parseIf() {
  NestingGuard guard(blockNesting);
  uint32_t begin = take().range.begin;
  auto node = std::make_unique<If>(SourceRange());
  if (!(node->condition = parseExpr()))
    return nullptr;
  if (at(TokenKind::Then))
    return fail(peek().range, "expected '{', found 'then'",
                "an 'if' statement is  if c { … } else { … };  the expression  if c then a else b  is part of another statement"),
           nullptr;
  std::optional<Block> block = parseBlock();
  if (!block)
    return nullptr;
  node->thenBlock = std::move(*block);
  if (accept(TokenKind::Else)) {
    node->elseBlock.emplace();
    if (at(TokenKind::If)) {
      if (blockNesting > maxNesting)
        return fail(peek().range, "blocks nest more than " + std::to_string(maxNesting) + " deep"), nullptr;
      StmtPtr inner = parseIf();
      if (!inner)
        return nullptr;
      node->elseIf = true;
      node->elseBlock->range = inner->range;
      node->elseBlock->statements.push_back(std::move(inner));
    } else {
      std::optional<Block> elseBlock = parseBlock();
      if (!elseBlock)
        return nullptr;
      *node->elseBlock = std::move(*elseBlock);
    }
  }
  node->range = since(begin);
  return node;
}

/// inherited(); in the block of model.
StmtPtr Parser::parseInherited() {
  uint32_t begin = take().range.begin;
  SourceRange opener = peek().range;
  if (!expect(TokenKind::LeftParen) || !expectClosing(TokenKind::RightParen, opener) || !expectSemicolon("statement"))
    return nullptr;
  return std::make_unique<Inherited>(since(begin));
}

bool Parser::parseStatement(std::vector<StmtPtr> &into) {
  auto add = [&](StmtPtr node) { return node && (into.push_back(std::move(node)), true); };
  switch (peek().kind) {
  case TokenKind::Let:
    return parseLet(into, false, "statement");
  case TokenKind::Fn:
    return add(parseFn());
  case TokenKind::Param:
    return add(parseParam());
  case TokenKind::State:
    return add(parseState());
  case TokenKind::Assert:
    return add(parseAssert());
  case TokenKind::Output:
    return add(parseOutput());
  case TokenKind::Return:
    return add(parseReturn());
  case TokenKind::If:
    return add(parseIf());
  case TokenKind::Override:
    return fail(peek().range, "only definitions at the top level can be overridden");
  case TokenKind::Switch:
    return fail(peek().range, "a switch is declared in 'train'");
  case TokenKind::Name:
    if (context == Context::Model && peek().text == "inherited" && blockNesting == 1)
      return add(parseInherited());
    if (peek(1).kind == TokenKind::Equal)
      return failExpected("a statement",
                          "nothing is ever assigned; to name a value, write  let " + std::string(peek().text) + " = …;");
    return failExpected("a statement", "what is computed needs a name, or a 'return'");
  default:
    return failExpected("a statement");
  }
}

template <class Element> std::optional<Block> Parser::parseBraces(Element parseElement) {
  NestingGuard guard(blockNesting);
  SourceRange opener = peek().range;
  if (!at(TokenKind::LeftBrace))
    return failExpected("'{'", at(TokenKind::Equal) ? "to compare, write '=='" : ""), std::nullopt;
  take();
  if (blockNesting > maxNesting) {
    fail(opener, "blocks nest more than " + std::to_string(maxNesting) + " deep");
    return std::nullopt;
  }
  Block block;
  while (!at(TokenKind::RightBrace) && !at(TokenKind::End) && !startsTopLevel(peek().kind)) {
    if (skipLoneSemicolon())
      continue;
    if (!parseElement(block.statements))
      recover();
  }
  // At the start of a section or of an include only the '}' is missing: the file goes on behind it.
  bool isClosed = expectClosing(TokenKind::RightBrace, opener);
  if (!isClosed && at(TokenKind::End))
    return std::nullopt;
  block.range = since(opener.begin);
  return block;
}

std::optional<Block> Parser::parseBlock() {
  return parseBraces([this](std::vector<StmtPtr> &into) { return parseStatement(into); });
}

// ------------------------------------------------------------------------------------------------------------ items

/// Takes the call out of an expression, or returns null.
static std::unique_ptr<Call> asCall(ExprPtr &expr) {
  if (!llvm::isa<Call>(expr.get()))
    return nullptr;
  return std::unique_ptr<Call>(llvm::cast<Call>(expr.release()));
}

bool Parser::parseItem(std::vector<StmtPtr> &into) {
  uint32_t begin = peek().range.begin;
  const char *name = spelling(section);
  switch (peek().kind) {
  case TokenKind::Let:
    return parseLet(into, false, "item");
  case TokenKind::Switch: {
    SourceRange word = take().range;
    auto node = std::make_unique<Switch>(SourceRange());
    if (!parseName(node->name, "the name of the switch") || !expect(TokenKind::Equal, "and a condition") ||
        !(node->condition = parseExpr()) || !expectSemicolon("item"))
      return false;
    node->range = since(begin);
    if (section != SectionKind::Train)
      diagnostics.error(word, "a switch is declared in 'train'");
    else
      into.push_back(std::move(node));
    return true;
  }
  case TokenKind::Fn:
  case TokenKind::Param:
  case TokenKind::State:
  case TokenKind::Assert:
  case TokenKind::Output:
  case TokenKind::Return:
  case TokenKind::If:
  case TokenKind::Override:
    return fail(peek().range, std::string("expected an item of '") + name + "', found " + found(),
                "items are settings  word(…);  rules  who => what(…);  and 'let'");
  default:
    break;
  }
  Parsed left = parsePostfix();
  if (!left)
    return false;
  SourceRange leftRange = left.expr->range;
  if (!at(TokenKind::Arrow)) {
    bool isCallee = llvm::isa<Name>(left.expr.get());
    std::unique_ptr<Call> call = asCall(left.expr);
    if (!call)
      return fail(isCallee && !at(TokenKind::Semicolon) ? peek().range : leftRange,
                  isCallee && !at(TokenKind::Semicolon) ? "expected '=>' or '(', found " + found()
                                                        : std::string("expected an item of '") + name + "'",
                  "items are settings  word(…);  rules  who => what(…);  and 'let'");
    if (!expectSemicolon("setting"))
      return false;
    if (call->calleeName() == "inherited") {
      if (!call->arguments.empty())
        diagnostics.error(call->arguments.front().value->range, "in a section 'inherited()' takes no arguments");
      if (itemNesting > 1)
        diagnostics.error(call->range, "'inherited();' stands directly in a section");
      else
        into.push_back(std::make_unique<Inherited>(since(begin)));
      return true;
    }
    auto node = std::make_unique<Setting>(since(begin));
    node->call = std::move(call);
    into.push_back(std::move(node));
    return true;
  }
  auto node = std::make_unique<Rule>(SourceRange());
  node->who = std::move(left.expr);
  node->arrowRange = take().range;
  Parsed right = parsePostfix();
  if (!right)
    return false;
  SourceRange rightRange = right.expr->range;
  std::string spelled(diagnostics.sources().text(rightRange));
  bool isName = llvm::isa<Name>(right.expr.get());
  node->what = asCall(right.expr);
  if (!node->what)
    return fail(rightRange, "the right side of '=>' is a call", isName ? "write  " + spelled + "(…)" : "");
  if (at(TokenKind::LeftBrace)) {
    node->items = parseItems();
    if (!node->items)
      return false;
  } else if (!expectSemicolon("rule")) {
    return false;
  }
  node->range = since(begin);
  into.push_back(std::move(node));
  return true;
}

std::optional<Block> Parser::parseItems() {
  NestingGuard guard(itemNesting);
  return parseBraces([this](std::vector<StmtPtr> &into) { return parseItem(into); });
}

// ------------------------------------------------------------------------------------------------------------ files

const char *ast::spelling(SectionKind kind) {
  static const char *const names[numSectionKinds] = {"model", "loss", "train", "quantize", "pack", "evaluate"};
  return names[unsigned(kind)];
}

std::unique_ptr<Section> Parser::parseSection() {
  auto node = std::make_unique<Section>();
  node->keywordRange = peek().range;
  node->kind = SectionKind(unsigned(take().kind) - unsigned(TokenKind::Model));
  std::optional<Block> body;
  if (node->kind == SectionKind::Model || node->kind == SectionKind::Loss) {
    context = node->kind == SectionKind::Model ? Context::Model : Context::Loss;
    body = parseBlock();
    context = Context::Function;
  } else {
    section = node->kind;
    body = parseItems();
  }
  if (!body)
    return nullptr;
  node->body = std::move(*body);
  node->range = since(node->keywordRange.begin);
  return node;
}

bool Parser::parseTopLevel(File &into) {
  TopLevel element;
  if (at(TokenKind::Override)) {
    element.overrideRange = take().range;
    element.isOverride = true;
  }
  switch (peek().kind) {
  case TokenKind::Include: {
    if (element.isOverride)
      return fail(element.overrideRange, "an include overrides nothing by itself");
    auto include = std::make_unique<Include>();
    uint32_t begin = take().range.begin;
    if (!at(TokenKind::String))
      return failExpected("the path of a file", "include \"base.pgm\";");
    const Token &path = take();
    include->pathRange = path.range;
    std::string_view spelled = path.text.substr(1);
    if (!spelled.empty() && spelled.back() == '"')
      spelled.remove_suffix(1);
    include->path = spelled;
    if (!expectSemicolon("include"))
      return false;
    include->range = since(begin);
    element.include = std::move(include);
    break;
  }
  case TokenKind::Let: {
    std::vector<StmtPtr> bindings;
    bool isWhole = parseLet(bindings, true, "definition");
    for (StmtPtr &binding : bindings) {
      TopLevel each;
      each.isOverride = element.isOverride;
      each.overrideRange = element.overrideRange;
      each.definition = std::move(binding);
      into.elements.push_back(std::move(each));
    }
    return isWhole;
  }
  case TokenKind::Fn:
    element.definition = parseFn();
    break;
  case TokenKind::Param:
    element.definition = parseParam();
    break;
  case TokenKind::Assert:
    if (element.isOverride)
      return fail(element.overrideRange, "an assertion cannot be overridden");
    element.definition = parseAssert();
    break;
  case TokenKind::Model:
  case TokenKind::Loss:
  case TokenKind::Train:
  case TokenKind::Quantize:
  case TokenKind::Pack:
  case TokenKind::Evaluate:
    element.section = parseSection();
    break;
  case TokenKind::Name:
    return failExpected("a definition", peek(1).kind == TokenKind::Equal
                                            ? "write  let " + std::string(peek().text) + " = …;"
                                            : "");
  case TokenKind::Switch:
    return fail(peek().range, "a switch is declared in 'train'");
  case TokenKind::State:
  case TokenKind::Output:
  case TokenKind::Return:
  case TokenKind::If:
    return failExpected("a definition", std::string(describe(peek().kind)) + " stands within functions and sections");
  default:
    return failExpected("a definition");
  }
  if (!element.include && !element.definition && !element.section)
    return false;
  into.elements.push_back(std::move(element));
  return true;
}

std::unique_ptr<File> Parser::parseFile() {
  auto result = std::make_unique<File>();
  result->id = file;
  while (!at(TokenKind::End)) {
    if (skipLoneSemicolon())
      continue;
    if (parseTopLevel(*result))
      continue;
    recover();
    accept(TokenKind::RightBrace); // nothing is open here
  }
  return result;
}

std::unique_ptr<Let> Parser::parseDefine() {
  if (!at(TokenKind::Name) || peek(1).kind != TokenKind::Equal) {
    SourceRange all{file, peek().range.begin, std::max(peek().range.end, tokens.back().range.begin)};
    fail(all, "expected  name=expression", "-D dim=256");
    return nullptr;
  }
  std::unique_ptr<Let> result = parseBinding();
  if (result && !at(TokenKind::End)) {
    fail(peek().range, "expected nothing more behind this value, found " + found());
    return nullptr;
  }
  return result;
}

std::unique_ptr<File> pgc::parseFile(FileId file, DiagnosticEngine &diagnostics) {
  auto end = static_cast<uint32_t>(diagnostics.sources().text(file).size());
  return Parser(file, 0, end, diagnostics).parseFile();
}

std::unique_ptr<Let> pgc::parseDefine(FileId file, uint32_t begin, uint32_t end, DiagnosticEngine &diagnostics) {
  return Parser(file, begin, end, diagnostics).parseDefine();
}
