// A plan's machine code for x86-64: a shared object in memory, opened with
// dlopen.
#pragma once

#include "runtime/plan/plan.pb.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgrt {

/// The fixed ABI of kernels.
using KernelFunction = void (*)(int64_t chunk, void *const *buffers,
                                const double *scalars, void *scratch);

class CodeObject {
public:
  /// Opens the object; throws Error if it is not an x86-64 ELF shared object or
  /// cannot be loaded.
  explicit CodeObject(std::string_view object);
  CodeObject(const CodeObject &) = delete;
  CodeObject &operator=(const CodeObject &) = delete;
  ~CodeObject();

  /// The address of a function; null if the object does not define it.
  KernelFunction find(const std::string &symbol) const;

private:
  void *handle = nullptr;
};

/// The code section of the highest rank whose features this CPU has. Throws
/// Error, listing what is missing, if there is none.
const plan::Code &chooseCode(const plan::Plan &plan);

/// Whether the bytes look like an ELF64 x86-64 shared object whose tables lie
/// within it: "" or what is wrong.
std::string checkElf(std::string_view object);

} // namespace pgrt
