#include "tools/gpusim/core/Module.h"

#include "tools/gpusim/core/Decode.h"

#include <cstring>

namespace gpusim {

Module::Module(const std::string &text, Memory &memory, int device)
    : memory(memory), onDevice(device) {
  PtxModule parsed = parsePtx(text);
  if (parsed.target.compare(0, 3, "sm_") != 0)
    throw Fault(FaultKind::Unsupported,
                "the target '" + parsed.target + "' is not supported");
  int architecture = std::atoi(parsed.target.c_str() + 3);
  if (architecture > 90 || (architecture != 90 && parsed.target.back() == 'a'))
    throw Fault(FaultKind::Unsupported,
                "the target '" + parsed.target +
                    "' does not run on the simulated device, which is sm_90a");
  SymbolTable symbols;
  for (const PtxVariable &variable : parsed.variables) {
    if (variable.space != Space::Global && variable.space != Space::Const)
      continue;
    if (variable.external)
      throw Fault(FaultKind::Unsupported,
                  "PTX line " + std::to_string(variable.line) +
                      ": the variable '" + variable.name +
                      "' is defined elsewhere");
    uint64_t address =
        memory.allocate(device, variable.bytes, variable.name, variable.align);
    symbols[variable.name] = address;
    variables[variable.name] = {address, variable.bytes};
  }
  for (const PtxVariable &variable : parsed.variables) {
    auto at = symbols.find(variable.name);
    if (at == symbols.end())
      continue;
    // Without an initialiser a global variable is zero.
    std::vector<uint8_t> initial = variable.initial;
    initial.resize(variable.bytes, 0);
    for (const auto &[offset, name] : variable.addresses) {
      auto of = symbols.find(name);
      if (of == symbols.end())
        throw Fault(FaultKind::Unsupported,
                    "PTX line " + std::to_string(variable.line) +
                        ": the address of '" + name + "'");
      uint64_t value;
      std::memcpy(&value, initial.data() + offset, 8);
      value += of->second;
      std::memcpy(initial.data() + offset, &value, 8);
    }
    memory.write(at->second, initial.data(), initial.size());
    memory.find(at->second)->readOnly = variable.space == Space::Const;
  }
  for (const PtxFunction &function : parsed.functions)
    if (function.entry && function.hasBody)
      kernels[function.name] = decodeKernel(parsed, function, symbols);
}

Module::~Module() {
  for (const auto &[name, place] : variables)
    memory.free(place.first);
}

Kernel *Module::kernel(const std::string &name) {
  auto found = kernels.find(name);
  return found == kernels.end() ? nullptr : &found->second;
}

bool Module::variable(const std::string &name, uint64_t &address,
                      uint64_t &bytes) const {
  auto found = variables.find(name);
  if (found == variables.end())
    return false;
  address = found->second.first;
  bytes = found->second.second;
  return true;
}

} // namespace gpusim
