#include "tools/gpusim/ptx/Parser.h"

#include <cstring>

namespace gpusim {

PtxModule parsePtx(const std::string &text) { return Parser(text).module(); }

std::string Parser::word(const char *what) {
  if (peek().kind != TokenKind::Word)
    fail(std::string("expected ") + what + ", found '" + peek().text + "'");
  return next().text;
}

uint64_t Parser::integer() {
  bool minus = accept("-");
  if (peek().kind != TokenKind::Integer)
    fail("expected an integer, found '" + peek().text + "'");
  uint64_t value = next().bits;
  return minus ? uint64_t(0) - value : value;
}

static bool spaceNamed(const std::string &name, Space &space) {
  static const std::map<std::string, Space> spaces = {
      {".global", Space::Global},
      {".shared", Space::Shared},
      {".local", Space::Local},
      {".const", Space::Const},
      {".param", Space::Param}};
  auto found = spaces.find(name);
  if (found == spaces.end())
    return false;
  space = found->second;
  return true;
}

PtxModule Parser::module() {
  while (peek().kind != TokenKind::End) {
    bool external = false;
    // Linkage matters only for what is defined elsewhere.
    while (is(".visible") || is(".extern") || is(".weak") || is(".common"))
      external |= next().text == ".extern";
    Space space;
    if (accept(".version")) {
      result.version = next().text;
    } else if (accept(".target")) {
      do {
        std::string target = word("a target");
        if (result.target.empty())
          result.target = target;
      } while (accept(","));
    } else if (accept(".address_size")) {
      if (integer() != 64)
        fail("only 64-bit addresses are supported", FaultKind::Unsupported);
    } else if (is(".entry") || is(".func")) {
      function(next().text == ".entry");
    } else if (spaceNamed(peek().text, space)) {
      next();
      PtxVariable declared = variable(space);
      declared.external = external;
      expect(";");
      result.variables.push_back(std::move(declared));
    } else if (accept(".file")) {
      while (peek().kind == TokenKind::Integer ||
             peek().kind == TokenKind::String || is(","))
        next();
    } else if (accept(".section")) {
      // Debug information: to its closing brace.
      while (!is("{") && peek().kind != TokenKind::End)
        next();
      while (!is("}") && peek().kind != TokenKind::End)
        next();
      expect("}");
    } else {
      fail("'" + peek().text + "' is not a declaration that is known",
           FaultKind::Unsupported);
    }
  }
  if (result.version.empty() || result.target.empty())
    fail("the module lacks .version or .target");
  return std::move(result);
}

// [.align n] [.v2|.v4] .type name[[n]]… [= …], without the space before it.
PtxVariable Parser::variable(Space space) {
  PtxVariable result;
  result.space = space;
  result.line = peek().line;
  unsigned vector = 1, align = 0;
  for (;;) {
    if (accept(".align")) {
      align = unsigned(integer());
    } else if (accept(".v2")) {
      vector = 2;
    } else if (accept(".v4")) {
      vector = 4;
    } else if (accept(".ptr")) {
      // .ptr [.space] [.align n]: of what the parameter points at
      while (is(".global") || is(".shared") || is(".const") || is(".local"))
        next();
      if (accept(".align"))
        integer();
    } else if (is(".attribute")) {
      fail("attributes of variables", FaultKind::Unsupported);
    } else if (peek().kind == TokenKind::Directive) {
      result.type = typeNamed(peek().text.substr(1));
      if (result.type == Type::None)
        fail("the type '" + peek().text + "'", FaultKind::Unsupported);
      next();
    } else {
      break;
    }
  }
  unsigned element = typeBytes(result.type) * vector;
  result.name = word("a variable's name");
  result.bytes = element;
  while (accept("[")) {
    if (is("]")) { // of unknown size: external, or from the initialiser
      result.bytes = 0;
    } else {
      result.bytes *= integer();
    }
    expect("]");
  }
  result.align = align ? align : std::max(1u, element);
  if (accept("="))
    initialiser(result);
  return result;
}

void Parser::initialiser(PtxVariable &variable) {
  unsigned step = typeBytes(variable.type);
  uint64_t at = 0;
  if (accept("{")) {
    int depth = 1;
    while (depth) {
      if (accept("{")) {
        ++depth;
      } else if (accept("}")) {
        --depth;
      } else if (!accept(",")) {
        initialValue(variable, at);
        at += step;
      }
    }
  } else {
    initialValue(variable, 0);
    at = step;
  }
  variable.bytes = std::max(variable.bytes, at);
  variable.initial.resize(variable.bytes, 0);
}

void Parser::initialValue(PtxVariable &variable, uint64_t at) {
  unsigned step = typeBytes(variable.type);
  variable.initial.resize(std::max<size_t>(variable.initial.size(), at + step),
                          0);
  uint64_t bits = 0;
  if (peek().kind == TokenKind::Word) {
    std::string name = word("a name");
    bool generic = name == "generic" && accept("(");
    if (generic)
      name = word("a name");
    if (generic)
      expect(")");
    if (step != 8)
      fail("an address in fewer than 64 bits", FaultKind::Unsupported);
    variable.addresses.push_back({at, name});
    if (accept("+"))
      bits = integer();
  } else if (peek().kind == TokenKind::Float ||
             peek().kind == TokenKind::Float32) {
    bool isDouble = peek().kind == TokenKind::Float;
    bits = next().bits;
    if (isDouble && variable.type == Type::F32) {
      double value;
      std::memcpy(&value, &bits, 8);
      float narrow = float(value);
      uint32_t low;
      std::memcpy(&low, &narrow, 4);
      bits = low;
    }
  } else {
    bits = integer();
  }
  std::memcpy(variable.initial.data() + at, &bits, step);
}

std::vector<int> Parser::parameters(PtxFunction &function) {
  std::vector<int> result;
  expect("(");
  while (!accept(")")) {
    if (accept(".reg"))
      fail("parameters in registers", FaultKind::Unsupported);
    expect(".param");
    result.push_back(int(function.variables.size()));
    function.variables.push_back(variable(Space::Param));
    scopes[0].variables[function.variables.back().name] = result.back();
    accept(",");
  }
  return result;
}

void Parser::function(bool entry) {
  PtxFunction parsed;
  parsed.entry = entry;
  parsed.line = peek().line;
  scopes.assign(1, Scope{-1, {}, {}, {}});
  scope = 0;
  if (!entry && is("("))
    parsed.results = parameters(parsed);
  parsed.name = word("a function's name");
  if (is("("))
    parsed.params = parameters(parsed);
  functionDirectives(parsed);
  if (!accept(";")) {
    parsed.hasBody = true;
    expect("{");
    body(parsed);
  }
  // A declaration may come before the definition.
  for (PtxFunction &known : result.functions)
    if (known.name == parsed.name) {
      if (parsed.hasBody)
        known = std::move(parsed);
      return;
    }
  result.functions.push_back(std::move(parsed));
}

void Parser::functionDirectives(PtxFunction &function) {
  auto triple = [&](uint32_t *values) {
    for (int i = 0; i < 3; ++i)
      values[i] = 1;
    int i = 0;
    do
      values[i++] = uint32_t(integer());
    while (i < 3 && accept(","));
  };
  for (;;) {
    uint32_t values[3];
    if (accept(".reqntid")) {
      triple(function.requiredThreads);
    } else if (accept(".maxntid")) {
      triple(values);
      function.maxThreads = values[0] * values[1] * values[2];
    } else if (accept(".reqnctapercluster")) {
      triple(function.requiredCluster);
    } else if (accept(".maxnreg")) {
      function.maxRegisters = uint32_t(integer());
    } else if (accept(".minnctapersm") || accept(".maxclusterrank") ||
               accept(".blocksareclusters")) {
      if (peek().kind == TokenKind::Integer)
        integer();
    } else if (accept(".explicitcluster") || accept(".noreturn")) {
    } else if (accept(".pragma")) {
      next();
      expect(";");
    } else {
      return;
    }
  }
}

} // namespace gpusim
