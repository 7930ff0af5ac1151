// A module loaded on one device: its variables have memory, its kernels are
// decoded.
#pragma once

#include "tools/gpusim/core/Launch.h"

namespace gpusim {

class Module {
public:
  /// Throws Fault for what the text should not say.
  Module(const std::string &text, Memory &memory, int device);
  ~Module();
  Module(const Module &) = delete;
  Module &operator=(const Module &) = delete;

  /// Null if there is no kernel of that name.
  Kernel *kernel(const std::string &name);
  /// Address and bytes of a global or constant variable; false if there is
  /// none.
  bool variable(const std::string &name, uint64_t &address,
                uint64_t &bytes) const;
  int device() const { return onDevice; }

private:
  Memory &memory;
  int onDevice;
  std::map<std::string, std::pair<uint64_t, uint64_t>> variables;
  std::map<std::string, Kernel> kernels;
};

} // namespace gpusim
