// Files and definitions of the grammar; errors, and what the parser does after
// them.
#include "compiler/frontend/ParserImpl.h"

#include <utility>

using namespace pgc;
using namespace pgc::ast;

// ------------------------------------------------------------------------------------------------
// tokens and errors

const Token &Parser::take() {
  const Token &token = peek();
  if (token.kind != TokenKind::End)
    ++next;
  return token;
}

bool Parser::mayComplain() {
  return std::exchange(complainedAt, next) != next && !peek().isDoubtful;
}

bool Parser::fail(SourceRange range, std::string message, std::string help) {
  if (!mayComplain())
    return false;
  Diagnostic &error = diagnostics.error(range, std::move(message));
  if (!help.empty())
    error.help(std::move(help));
  return false;
}

std::string Parser::found() const {
  const Token &token = peek();
  if (token.kind == TokenKind::End)
    return diagnostics.sources().name(file).front() == '<'
               ? "nothing"
               : "the end of the file";
  if (token.kind == TokenKind::String)
    return "a string";
  return "'" + std::string(token.text) + "'";
}

bool Parser::failExpected(const std::string &what, std::string help) {
  return fail(peek().range, "expected " + what + ", found " + found(),
              std::move(help));
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
  if (!mayComplain())
    return false;
  const Token &token = peek();
  Diagnostic &error =
      diagnostics.error(token.range, std::string("expected ") + describe(kind) +
                                         ", found " + found());
  if (token.kind == TokenKind::Equal)
    error.help("to compare, write '=='; to name an argument, 'name = value'");
  const SourceManager &sources = diagnostics.sources();
  if (sources.lineColumn(file, opener.begin).line !=
      sources.lineColumn(file, token.range.begin).line)
    error.note(opener, "this is what it would close");
  return false;
}

bool Parser::expectSemicolon(const char *after) {
  if (accept(TokenKind::Semicolon))
    return true;
  if (!mayComplain())
    return false;
  SourceRange behind = previous().range.behind();
  Diagnostic &error = diagnostics.error(
      behind, std::string("expected ';' after this ") + after);
  error.insert(behind, ";");
  const Token &token = peek();
  const SourceManager &sources = diagnostics.sources();
  bool isNewLine = sources.lineColumn(file, behind.begin).line !=
                   sources.lineColumn(file, token.range.begin).line;
  // If something new starts here, only the sign is missing: go on as if it
  // stood there.
  if (isNewLine || token.kind == TokenKind::RightBrace ||
      token.kind == TokenKind::End)
    return true;
  if (token.kind == TokenKind::Equal)
    error.help("to compare, write '=='");
  return false;
}

/// Whether a token can only be the start of a statement or definition.
static bool startsSection(TokenKind kind) {
  switch (kind) {
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
    return true;
  default:
    return startsSection(kind);
  }
}

bool Parser::skipLoneSemicolon() {
  if (!at(TokenKind::Semicolon))
    return false;
  fail(peek().range, "there is nothing that this ';' ends",
       "behind a '}' there is none");
  take();
  return true;
}

/// Goes behind the next ';' or the '}' of what is opened on the way; stops
/// before a '}' that closes an outer block, and before a line that starts a new
/// statement.
void Parser::recover() {
  if (diagnostics.tooManyErrors()) {
    next = tokens.size() - 1;
    return;
  }
  const SourceManager &sources = diagnostics.sources();
  auto line = [&](const Token &token) {
    return sources.lineColumn(file, token.range.begin).line;
  };
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
    } else if (depth == 0 && startsStatement(kind) && next > first &&
               line(peek()) != line(previous())) {
      return;
    }
  }
}

// ------------------------------------------------------------------------------------------------------------
// files

bool Parser::parseTopLevel(File &into) {
  TopLevel element;
  if (at(TokenKind::Override)) {
    element.overrideRange = take().range;
    element.isOverride = true;
  }
  if (startsSection(peek().kind)) {
    element.section = parseSection();
    if (!element.section)
      return false;
    into.elements.push_back(std::move(element));
    return true;
  }
  switch (peek().kind) {
  case TokenKind::Include: {
    if (element.isOverride)
      return fail(element.overrideRange,
                  "an include overrides nothing by itself");
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
    include->range = since(begin);
    if (!expectSemicolon("include"))
      return false;
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
  case TokenKind::Name:
    return failExpected("a definition",
                        peek(1).kind == TokenKind::Equal
                            ? "write  let " + std::string(peek().text) + " = …;"
                            : "");
  case TokenKind::Switch:
    return fail(peek().range, "a switch is declared in 'train'");
  case TokenKind::State:
  case TokenKind::Output:
  case TokenKind::Return:
  case TokenKind::If:
    return failExpected("a definition",
                        std::string(describe(peek().kind)) +
                            " stands within functions and sections");
  default:
    return failExpected("a definition");
  }
  if (!element.include && !element.definition)
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
    if (at(TokenKind::RightBrace)) {
      fail(peek().range, "there is nothing that this '}' closes");
      take();
    } else if (!parseTopLevel(*result)) {
      recover();
    }
  }
  return result;
}

std::unique_ptr<Let> Parser::parseDefine() {
  if (!at(TokenKind::Name) || peek(1).kind != TokenKind::Equal) {
    SourceRange all{file, peek().range.begin,
                    std::max(peek().range.end, tokens.back().range.begin)};
    fail(all, "expected  name=expression", "-D dim=256");
    return nullptr;
  }
  std::unique_ptr<Let> result = parseBinding();
  if (result && !at(TokenKind::End)) {
    fail(peek().range,
         "expected nothing more behind this value, found " + found());
    return nullptr;
  }
  return result;
}

std::unique_ptr<File> pgc::parseFile(FileId file,
                                     DiagnosticEngine &diagnostics) {
  auto end = static_cast<uint32_t>(diagnostics.sources().text(file).size());
  return Parser(file, 0, end, diagnostics).parseFile();
}

std::unique_ptr<Let> pgc::parseDefine(FileId file, uint32_t begin, uint32_t end,
                                      DiagnosticEngine &diagnostics) {
  return Parser(file, begin, end, diagnostics).parseDefine();
}
