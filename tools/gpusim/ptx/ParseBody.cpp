#include "tools/gpusim/ptx/Parser.h"

#include <cstdlib>
#include <cstring>

namespace gpusim {

void Parser::body(PtxFunction &function) {
  int depth = 1;
  scopes.push_back(Scope{0, {}, {}, {}});
  scope = 1;
  while (depth) {
    if (peek().kind == TokenKind::End)
      fail("the body of '" + function.name + "' does not end");
    if (accept("{")) {
      ++depth;
      scopes.push_back(Scope{scope, {}, {}, {}});
      scope = int(scopes.size()) - 1;
    } else if (accept("}")) {
      --depth;
      scope = scopes[size_t(scope)].parent;
    } else if (accept(".reg")) {
      registers(function);
    } else if (is(".shared") || is(".local") || is(".param") || is(".global") ||
               is(".const")) {
      std::string name = next().text;
      Space space = name == ".shared"   ? Space::Shared
                    : name == ".local"  ? Space::Local
                    : name == ".param"  ? Space::Param
                    : name == ".global" ? Space::Global
                                        : Space::Const;
      if (space == Space::Global || space == Space::Const)
        fail("variables of " + name + " inside a function",
             FaultKind::Unsupported);
      PtxVariable declared = variable(space);
      expect(";");
      scopes[size_t(scope)].variables[declared.name] =
          int(function.variables.size());
      function.variables.push_back(std::move(declared));
    } else if (accept(".loc")) {
      int line = tokens[at - 1].line;
      while (peek().line == line && peek().kind != TokenKind::End)
        next();
    } else if (accept(".pragma")) {
      next();
      expect(";");
    } else if (peek().kind == TokenKind::Word && peek(1).text == ":") {
      std::string name = next().text;
      next();
      if (!scopes[size_t(scope)]
               .labels.insert({name, int(function.body.size())})
               .second)
        fail("the label '" + name + "' twice");
      if (is(".branchtargets"))
        fail("brx.idx and its tables", FaultKind::Unsupported);
    } else if (!accept(";")) {
      instruction(function);
    }
  }
  resolveLabels(function);
}

int Parser::addRegister(PtxFunction &function, const std::string &name,
                        Type type) {
  function.registers.push_back({name, type});
  return int(function.registers.size()) - 1;
}

// .reg .type a, b, %r<69>;
void Parser::registers(PtxFunction &function) {
  Type type = typeNamed(peek().text.substr(1));
  if (type == Type::None)
    fail("registers of type '" + peek().text + "'", FaultKind::Unsupported);
  next();
  Scope &current = scopes[size_t(scope)];
  do {
    std::string name = word("a register's name");
    if (accept("<")) {
      uint64_t count = integer();
      expect(">");
      if (count > 1u << 20)
        fail("more than a million registers");
      int first = int(function.registers.size());
      for (uint64_t i = 0; i < count; ++i)
        addRegister(function, name + std::to_string(i), type);
      for (uint64_t i = 0; i < count; ++i)
        current.registers[name + std::to_string(i)] = first + int(i);
    } else {
      current.registers[name] = addRegister(function, name, type);
    }
  } while (accept(","));
  expect(";");
}

static std::vector<std::string> cutAtDots(const std::string &opcode) {
  std::vector<std::string> parts;
  size_t start = 0;
  while (start <= opcode.size()) {
    size_t dot = opcode.find('.', start);
    if (dot == std::string::npos)
      dot = opcode.size();
    parts.push_back(opcode.substr(start, dot - start));
    start = dot + 1;
  }
  return parts;
}

void Parser::instruction(PtxFunction &function) {
  PtxInstruction parsed;
  parsed.line = peek().line;
  parsed.scope = scope;
  size_t begin = peek().begin;
  if (accept("@")) {
    parsed.guardNot = accept("!");
    std::string name = word("a predicate");
    parsed.guard = findRegister(name);
    if (parsed.guard < 0 ||
        function.registers[size_t(parsed.guard)].type != Type::Pred)
      fail("'" + name + "' is not a predicate");
  }
  parsed.line = peek().line;
  parsed.parts = cutAtDots(word("an instruction"));
  while (!is(";")) {
    parsed.operands.push_back(operand(function));
    if (!is(";"))
      expect(",");
  }
  size_t end = peek().begin;
  next();
  parsed.text = text.substr(begin, std::min<size_t>(end - begin, 120));
  for (char &c : parsed.text)
    if (c == '\n' || c == '\t')
      c = ' ';
  function.body.push_back(std::move(parsed));
}

PtxOperand Parser::operand(PtxFunction &function) {
  PtxOperand first = simpleOperand(function);
  if (!accept("|"))
    return first;
  PtxOperand pair;
  pair.kind = PtxOperand::Pair;
  pair.items.push_back(std::move(first));
  pair.items.push_back(simpleOperand(function));
  return pair;
}

PtxOperand Parser::sequence(PtxFunction &function, PtxOperand::Kind kind,
                            const char *close) {
  PtxOperand result;
  result.kind = kind;
  while (!accept(close)) {
    result.items.push_back(operand(function));
    if (!is(close))
      expect(",");
  }
  return result;
}

PtxOperand Parser::simpleOperand(PtxFunction &function) {
  if (accept("{"))
    return sequence(function, PtxOperand::Vector, "}");
  if (accept("("))
    return sequence(function, PtxOperand::List, ")");
  if (accept("["))
    return address(function);
  PtxOperand result;
  if (accept("!")) {
    result = simpleOperand(function);
    result.negated = true;
    return result;
  }
  bool minus = accept("-");
  accept("+");
  Token token = next();
  if (token.kind == TokenKind::Integer) {
    result.kind = PtxOperand::Integer;
    result.bits = minus ? uint64_t(0) - token.bits : token.bits;
  } else if (token.kind == TokenKind::Float) {
    result.kind = PtxOperand::Float;
    result.bits = minus ? token.bits ^ (uint64_t(1) << 63) : token.bits;
  } else if (token.kind == TokenKind::Float32) {
    result.kind = PtxOperand::Float32;
    result.bits = minus ? token.bits ^ (uint64_t(1) << 31) : token.bits;
  } else if (token.kind == TokenKind::Word && !minus) {
    result = named(token.text);
    if (accept("+"))
      result.offset = int64_t(integer());
  } else {
    fail("'" + token.text + "' is not an operand");
  }
  return result;
}

// [base + offset, coordinates]
PtxOperand Parser::address(PtxFunction &function) {
  PtxOperand result;
  result.kind = PtxOperand::Address;
  result.items.push_back(simpleOperand(function));
  result.offset = result.items[0].offset;
  result.items[0].offset = 0;
  if (accept("+"))
    result.offset += int64_t(integer());
  else if (is("-"))
    result.offset += int64_t(integer());
  while (accept(","))
    result.items.push_back(operand(function));
  expect("]");
  return result;
}

int Parser::findRegister(const std::string &name) {
  for (int s = scope; s >= 0; s = scopes[size_t(s)].parent) {
    auto found = scopes[size_t(s)].registers.find(name);
    if (found != scopes[size_t(s)].registers.end())
      return found->second;
  }
  return -1;
}

PtxOperand Parser::named(const std::string &name) {
  PtxOperand result;
  result.name = name;
  if (name == "_")
    return result;
  result.index = findRegister(name);
  if (result.index >= 0) {
    result.kind = PtxOperand::Register;
    return result;
  }
  if (name[0] == '%') {
    result.kind = PtxOperand::Special;
    return result;
  }
  for (int s = scope; s >= 0; s = scopes[size_t(s)].parent) {
    auto found = scopes[size_t(s)].variables.find(name);
    if (found != scopes[size_t(s)].variables.end()) {
      result.kind = PtxOperand::Variable;
      result.index = found->second;
      return result;
    }
  }
  // A module's variable, a function or a label: resolveLabels decides.
  result.kind = PtxOperand::Variable;
  return result;
}

void Parser::resolveLabels(PtxFunction &function) {
  for (PtxInstruction &instruction : function.body)
    for (PtxOperand &operand : instruction.operands) {
      if (operand.kind != PtxOperand::Variable || operand.index >= 0)
        continue;
      for (int s = instruction.scope; s >= 0; s = scopes[size_t(s)].parent) {
        auto found = scopes[size_t(s)].labels.find(operand.name);
        if (found == scopes[size_t(s)].labels.end())
          continue;
        operand.kind = PtxOperand::Label;
        operand.index = found->second;
        break;
      }
    }
}

} // namespace gpusim
