#include "runtime/device/cpu/CpuFeatures.h"

#include <fstream>
#include <map>
#include <sched.h>
#include <set>
#include <sstream>
#include <thread>

namespace pgrt {

namespace {
struct CpuInfo {
  std::string model;
  std::set<std::string> flags;

  // The kernel lists what both it and the CPU support: a feature whose
  // registers the system does not save is not there.
  CpuInfo() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
      size_t colon = line.find(':');
      if (colon == std::string::npos)
        continue;
      std::string value = line.substr(std::min(colon + 2, line.size()));
      if (line.starts_with("model name")) {
        model = value;
      } else if (line.starts_with("flags")) {
        std::istringstream words(value);
        for (std::string flag; words >> flag;)
          flags.insert(flag);
        break;
      }
    }
  }
};

const CpuInfo &cpuInfo() {
  static const CpuInfo info;
  return info;
}
} // namespace

bool cpuHasFeature(const std::string &feature) {
  if (feature.empty() || feature[0] == '-')
    return true;
  std::string name = feature.substr(feature[0] == '+');
  if (name == "64bit" || name == "x87")
    return true;
  // Where LLVM and the Linux kernel call a feature differently.
  static const std::map<std::string, std::string> aliases = {
      {"sse3", "pni"},        {"lzcnt", "abm"},
      {"bmi", "bmi1"},        {"pclmul", "pclmulqdq"},
      {"sahf", "lahf_lm"},    {"prfchw", "3dnowprefetch"},
      {"rdrnd", "rdrand"},    {"crc32", "sse4_2"},
      {"sha", "sha_ni"},      {"vnni", "avx512_vnni"},
      {"shstk", "user_shstk"}};
  const std::set<std::string> &flags = cpuInfo().flags;
  if (auto alias = aliases.find(name); alias != aliases.end())
    return flags.count(alias->second) != 0;
  for (char &c : name)
    if (c == '.' || c == '-')
      c = '_';
  if (flags.count(name))
    return true;
  // "avx512bf16" is avx512_bf16 there, "avxvnni" avx_vnni, "amx_tile" the same.
  for (const char *prefix : {"avx512", "avx", "amx"})
    if (name.starts_with(prefix) &&
        flags.count(prefix + ("_" + name.substr(std::string(prefix).size()))))
      return true;
  return false;
}

std::string cpuDescription() {
  std::string best = "SSE2";
  for (auto [feature, name] :
       std::initializer_list<std::pair<const char *, const char *>>{
           {"avx2", "AVX2"},
           {"avx512f", "AVX-512"},
           {"avx512bf16", "AVX-512 with bf16"}})
    if (cpuHasFeature(feature))
      best = name;
  return (cpuInfo().model.empty() ? "x86-64" : cpuInfo().model) + ", " + best;
}

int availableProcessors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    return std::max(1, CPU_COUNT(&set));
  return std::max(1, int(std::thread::hardware_concurrency()));
}

} // namespace pgrt
