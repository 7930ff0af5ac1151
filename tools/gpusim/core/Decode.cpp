#include "tools/gpusim/core/Decode.h"

#include <algorithm>

namespace gpusim {

const Rules &rules() {
  static const Rules all = [] {
    Rules rules;
    addIntegerRules(rules);
    addBitRules(rules);
    addFloatRules(rules);
    addApproximateRules(rules);
    addCompareRules(rules);
    addMoveRules(rules);
    addConvertRules(rules);
    addControlRules(rules);
    addMemoryRules(rules);
    addAtomicRules(rules);
    addWarpRules(rules);
    addBarrierRules(rules);
    addMBarrierRules(rules);
    addFenceRules(rules);
    addAsyncCopyRules(rules);
    addMatrixRules(rules);
    addMmaRules(rules);
    addWgmmaRules(rules);
    return rules;
  }();
  return all;
}

Kernel decodeKernel(const PtxModule &module, const PtxFunction &entry,
                    const SymbolTable &symbols) {
  return Decoder(module, symbols).decode(entry);
}

uint64_t Decoder::reserve(uint64_t &end, const PtxVariable &variable) {
  uint64_t align = std::max(1u, variable.align);
  uint64_t at = (end + align - 1) / align * align;
  end = at + variable.bytes;
  return at;
}

const PtxFunction *Decoder::find(const std::string &name) const {
  for (const PtxFunction &function : module.functions)
    if (function.name == name)
      return &function;
  return nullptr;
}

Kernel Decoder::decode(const PtxFunction &entry) {
  kernel.name = entry.name;
  std::copy(entry.requiredThreads, entry.requiredThreads + 3,
            kernel.requiredThreads);
  std::copy(entry.requiredCluster, entry.requiredCluster + 3,
            kernel.requiredCluster);
  kernel.maxThreads = entry.maxThreads;
  kernel.maxRegisters = entry.maxRegisters;
  // Static shared memory of the module; dynamic memory comes behind it all.
  for (const PtxVariable &variable : module.variables) {
    if (variable.space != Space::Shared)
      continue;
    if (variable.external)
      dynamicAlign = std::max<uint64_t>(dynamicAlign, variable.align);
    else
      moduleShared[variable.name] = reserve(kernel.staticShared, variable);
  }
  for (const PtxFunction &function : module.functions)
    for (size_t i = 0; i < function.variables.size(); ++i)
      if (function.variables[i].space == Space::Shared &&
          (&function == &entry || !function.entry))
        sharedOf[{&function, int(i)}] =
            reserve(kernel.staticShared, function.variables[i]);
  kernel.dynamicOffset = (kernel.staticShared + sharedBase + dynamicAlign - 1) /
                             dynamicAlign * dynamicAlign -
                         sharedBase;

  Frame frame;
  frame.function = &entry;
  for (int param : entry.params) {
    const PtxVariable &variable = entry.variables[size_t(param)];
    kernel.paramOffsets.push_back(reserve(kernel.paramTotal, variable));
    kernel.paramBytes.push_back(variable.bytes);
  }
  size_t param = 0;
  for (size_t i = 0; i < entry.variables.size(); ++i)
    if (param < entry.params.size() && entry.params[param] == int(i))
      frame.places.push_back({Space::Param, kernel.paramOffsets[param++]});
    else
      frame.places.push_back(place(entry, int(i)));
  emit(entry, frame, true);
  return std::move(kernel);
}

Frame::Place Decoder::place(const PtxFunction &function, int index) {
  const PtxVariable &variable = function.variables[size_t(index)];
  if (variable.space == Space::Shared)
    return {Space::Shared, sharedBase + sharedOf[{&function, index}]};
  return {Space::Local, reserve(kernel.localBytes, variable)};
}

void Decoder::emit(const PtxFunction &function, Frame &frame, bool outermost) {
  stack.push_back(&function);
  frame.slotBase = kernel.slots;
  kernel.slots += int(function.registers.size());
  std::vector<int> placeOf;
  std::vector<std::pair<size_t, int>> branches; ///< code index, label
  std::vector<size_t> returns;
  for (const PtxInstruction &text : function.body) {
    placeOf.push_back(int(kernel.code.size()));
    if (text.parts[0] == "call") {
      if (text.guard >= 0)
        throw Fault(FaultKind::Unsupported, "PTX line " +
                                                std::to_string(text.line) +
                                                ": a call with a predicate");
      call(frame, text);
      continue;
    }
    Instr out;
    out.line = text.line;
    out.text = text.text;
    out.guardNot = text.guardNot;
    if (text.guard >= 0)
      out.guard = frame.slotBase + text.guard;
    bool isReturn = text.parts[0] == "ret";
    auto rule = rules().find(isReturn && !outermost ? "bra" : text.parts[0]);
    if (rule == rules().end())
      throw Fault(FaultKind::Unsupported,
                  "PTX line " + std::to_string(text.line) +
                      ": the instruction `" + text.text + "` is not known");
    Build build(*this, frame, text, out);
    rule->second(build);
    build.finish();
    if (isReturn && !outermost)
      returns.push_back(kernel.code.size());
    else if (!text.operands.empty() &&
             text.operands[0].kind == PtxOperand::Label)
      branches.push_back({kernel.code.size(), text.operands[0].index});
    kernel.code.push_back(std::move(out));
  }
  placeOf.push_back(int(kernel.code.size()));
  for (auto [at, label] : branches)
    kernel.code[at].target = placeOf[size_t(label)];
  for (size_t at : returns)
    kernel.code[at].target = int(kernel.code.size());
  if (outermost) { // a body may end without ret
    Instr end;
    end.line =
        function.body.empty() ? function.line : function.body.back().line;
    end.text = "ret";
    end.run = [](Warp &, const Instr &, uint32_t) {};
    PtxInstruction text;
    text.parts = {"ret"};
    Build build(*this, frame, text, end);
    rules().at("ret")(build);
    kernel.code.push_back(std::move(end));
  }
  stack.pop_back();
}

// call[.uni] [(results),] function[, (arguments)]: expanded in place. The
// callee's parameters are the caller's variables that it passes.
void Decoder::call(const Frame &frame, const PtxInstruction &text) {
  auto refuse = [&](const std::string &what) {
    throw Fault(FaultKind::Unsupported,
                "PTX line " + std::to_string(text.line) + ": " + what);
  };
  size_t at = 0;
  const PtxOperand *results = nullptr, *arguments = nullptr;
  if (at < text.operands.size() && text.operands[at].kind == PtxOperand::List)
    results = &text.operands[at++];
  if (at >= text.operands.size() ||
      text.operands[at].kind != PtxOperand::Variable)
    refuse("a call of something that is not a function's name");
  const std::string &name = text.operands[at++].name;
  if (at < text.operands.size() && text.operands[at].kind == PtxOperand::List)
    arguments = &text.operands[at++];
  const PtxFunction *callee = find(name);
  if (!callee || !callee->hasBody)
    refuse("a call of '" + name + "', which the module does not define");
  if (std::find(stack.begin(), stack.end(), callee) != stack.end())
    refuse("recursion into '" + name + "'");
  Frame inner;
  inner.function = callee;
  for (size_t i = 0; i < callee->variables.size(); ++i)
    inner.places.push_back({Space::Local, 0});
  std::vector<bool> bound(callee->variables.size(), false);
  auto bind = [&](const std::vector<int> &formals, const PtxOperand *actuals) {
    if (formals.size() != (actuals ? actuals->items.size() : 0))
      refuse("'" + name + "' is called with another number of parameters");
    for (size_t i = 0; i < formals.size(); ++i) {
      const PtxOperand &actual = actuals->items[i];
      if (actual.kind != PtxOperand::Variable || actual.index < 0)
        refuse("a call's parameter that is not a .param variable");
      inner.places[size_t(formals[i])] = frame.places[size_t(actual.index)];
      bound[size_t(formals[i])] = true;
    }
  };
  bind(callee->results, results);
  bind(callee->params, arguments);
  for (size_t i = 0; i < callee->variables.size(); ++i)
    if (!bound[i])
      inner.places[i] = place(*callee, int(i));
  emit(*callee, inner, false);
}

uint64_t Decoder::variable(const Build &build, const PtxOperand &operand,
                           Space &space) {
  if (operand.index >= 0) {
    const Frame::Place &at = build.frame.places[size_t(operand.index)];
    space = at.space;
    return at.offset;
  }
  auto shared = moduleShared.find(operand.name);
  if (shared != moduleShared.end()) {
    space = Space::Shared;
    return sharedBase + shared->second;
  }
  for (const PtxVariable &variable : module.variables)
    if (variable.name == operand.name && variable.space == Space::Shared) {
      space = Space::Shared;
      kernel.usesDynamic = true;
      return sharedBase + kernel.dynamicOffset;
    }
  auto symbol = symbols.find(operand.name);
  if (symbol == symbols.end())
    build.refuse("the name '" + operand.name + "'");
  space = Space::Global;
  return symbol->second;
}

} // namespace gpusim
