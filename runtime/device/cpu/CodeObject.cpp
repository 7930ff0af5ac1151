#include "runtime/device/cpu/CodeObject.h"
#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/support/Error.h"

#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

namespace pgrt {

std::string checkElf(std::string_view object) {
  Elf64_Ehdr header;
  if (object.size() < sizeof header)
    return "it is too short";
  std::memcpy(&header, object.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB)
    return "it is not a 64-bit ELF file";
  if (header.e_machine != EM_X86_64)
    return "it is for another kind of CPU";
  if (header.e_type != ET_DYN)
    return "it is not a shared object";
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 ||
      header.e_phnum > 1024)
    return "its program headers are damaged";
  uint64_t tableBytes = uint64_t(header.e_phnum) * sizeof(Elf64_Phdr);
  if (header.e_phoff > object.size() ||
      tableBytes > object.size() - header.e_phoff)
    return "its program headers lie outside it";
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, object.data() + header.e_phoff + i * sizeof segment,
                sizeof segment);
    if (segment.p_type != PT_LOAD && segment.p_type != PT_DYNAMIC)
      continue;
    // Without its bytes behind it a page would fault when it is touched.
    if (segment.p_offset > object.size() ||
        segment.p_filesz > object.size() - segment.p_offset)
      return "a segment lies outside it";
    if (segment.p_memsz > uint64_t(1) << 32 ||
        segment.p_filesz > segment.p_memsz)
      return "a segment has an impossible size";
  }
  return "";
}

CodeObject::CodeObject(std::string_view object) {
  std::string problem = checkElf(object);
  if (!problem.empty())
    failInput("the plan's machine code is damaged: ", problem);
  int file = memfd_create("pg-kernels", MFD_CLOEXEC);
  if (file < 0)
    failSystem("cannot make memory for", "the plan's machine code");
  for (std::string_view rest = object; !rest.empty();) {
    ssize_t written = write(file, rest.data(), rest.size());
    if (written <= 0) {
      close(file);
      failSystem("cannot write", "the plan's machine code");
    }
    rest.remove_prefix(size_t(written));
  }
  handle = dlopen(cat("/proc/self/fd/", file).c_str(), RTLD_NOW | RTLD_LOCAL);
  close(file);
  if (!handle)
    failInput("the plan's machine code cannot be loaded: ", dlerror());
}

CodeObject::~CodeObject() {
  if (handle)
    dlclose(handle);
}

KernelFunction CodeObject::find(const std::string &symbol) const {
  void *address = dlsym(handle, symbol.c_str());
  // dlsym also looks into libraries that the object depends on: a kernel is
  // only what the object itself defines.
  Dl_info place;
  if (!address || !dladdr(address, &place) || !place.dli_fname ||
      std::strncmp(place.dli_fname, "/proc/self/fd/", 14) != 0)
    return nullptr;
  return reinterpret_cast<KernelFunction>(address);
}

const plan::Code &chooseCode(const plan::Plan &plan) {
  const plan::Code *best = nullptr;
  std::string missing;
  for (const plan::Code &code : plan.code()) {
    std::string absent;
    for (const std::string &feature : code.features())
      if (!cpuHasFeature(feature))
        absent += (absent.empty() ? "" : ", ") + feature;
    if (!absent.empty())
      missing += cat("\n  code for ", code.target(), " needs ", absent);
    else if (!best || code.rank() > best->rank())
      best = &code;
  }
  if (!best)
    failInput(
        "the plan has no code for this CPU (", cpuDescription(), ")", missing,
        "\n  compile the model on this machine, or with --target=x86-64-v3");
  return *best;
}

} // namespace pgrt
