// The recursive-descent parser behind parsePtx; see Syntax.h.
#pragma once

#include "tools/gpusim/core/Fault.h"
#include "tools/gpusim/ptx/Lexer.h"
#include "tools/gpusim/ptx/Syntax.h"

namespace gpusim {

class Parser {
public:
  explicit Parser(const std::string &text)
      : text(text), tokens(tokenize(text)) {}
  PtxModule module();

private:
  // Parser.cpp: declarations
  void function(bool entry);
  void functionDirectives(PtxFunction &function);
  std::vector<int> parameters(PtxFunction &function);
  PtxVariable variable(Space space);
  void initialiser(PtxVariable &variable);
  void initialValue(PtxVariable &variable, uint64_t at);
  uint64_t integer();

  // ParseBody.cpp: statements
  struct Scope {
    int parent;
    std::map<std::string, int> registers, variables, labels;
  };
  void body(PtxFunction &function);
  void registers(PtxFunction &function);
  void instruction(PtxFunction &function);
  PtxOperand operand(PtxFunction &function);
  PtxOperand simpleOperand(PtxFunction &function);
  PtxOperand sequence(PtxFunction &function, PtxOperand::Kind kind,
                      const char *close);
  PtxOperand address(PtxFunction &function);
  PtxOperand named(const std::string &name);
  int findRegister(const std::string &name);
  int addRegister(PtxFunction &function, const std::string &name, Type type);
  void resolveLabels(PtxFunction &function);

  // tokens
  const Token &peek(size_t ahead = 0) const {
    return tokens[std::min(at + ahead, tokens.size() - 1)];
  }
  Token next() {
    Token token = peek();
    if (at + 1 < tokens.size())
      ++at;
    return token;
  }
  bool is(const char *text) const {
    return peek().text == text && peek().kind != TokenKind::String;
  }
  bool accept(const char *text) {
    if (!is(text))
      return false;
    next();
    return true;
  }
  void expect(const char *text) {
    if (!accept(text))
      fail(std::string("expected '") + text + "', found '" + peek().text + "'");
  }
  std::string word(const char *what);
  [[noreturn]] void fail(const std::string &what,
                         FaultKind kind = FaultKind::Syntax) const {
    throw Fault(kind, "PTX line " + std::to_string(peek().line) + ": " + what);
  }

  const std::string &text;
  std::vector<Token> tokens;
  size_t at = 0;
  PtxModule result;
  std::vector<Scope> scopes; ///< of the function being read
  int scope = 0;
};

} // namespace gpusim
