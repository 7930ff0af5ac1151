// Time by kernel.
#pragma once

#include "runtime/plan/plan.pb.h"
#include "runtime/support/Json.h"

#include <map>
#include <string>
#include <vector>

namespace pgrt {

class Profile {
public:
  explicit Profile(const plan::Plan &plan)
      : plan(plan), kernels(size_t(plan.kernels_size())) {}

  void addLaunch(uint32_t kernel, double seconds);
  void addMemory(const std::string &what, double bytes, double seconds);

  /// A table, the slowest first: kernel, kind, launches, seconds, share,
  /// GFLOP/s, GB/s; then sums by kind.
  std::string table() const;
  void writeJson(JsonWriter &json) const;

  /// Seconds of a steady clock.
  static double now();

private:
  struct Entry {
    std::string name, kind;
    int64_t launches = 0;
    double seconds = 0, flops = 0, bytes = 0;
  };
  std::vector<Entry> entries() const; // sorted

  const plan::Plan &plan;
  std::vector<Entry> kernels;
  std::map<std::string, Entry> memory;
};

} // namespace pgrt
