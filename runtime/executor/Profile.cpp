#include "runtime/executor/Profile.h"
#include "runtime/support/Text.h"

#include <algorithm>
#include <chrono>

namespace pgrt {

double Profile::now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Profile::addLaunch(uint32_t kernel, double seconds) {
  Entry &entry = kernels[kernel];
  const plan::Kernel &info = plan.kernels(int(kernel));
  ++entry.launches;
  entry.seconds += seconds;
  entry.flops += info.flops();
  entry.bytes += info.bytes();
}

void Profile::addMemory(const std::string &what, double bytes, double seconds) {
  Entry &entry = memory[what];
  ++entry.launches;
  entry.seconds += seconds;
  entry.bytes += bytes;
}

std::vector<Profile::Entry> Profile::entries() const {
  std::vector<Entry> list;
  for (size_t i = 0; i < kernels.size(); ++i)
    if (kernels[i].launches) {
      list.push_back(kernels[i]);
      list.back().name = plan.kernels(int(i)).symbol();
      list.back().kind = plan.kernels(int(i)).kind();
    }
  for (const auto &[name, entry] : memory) {
    list.push_back(entry);
    list.back().name = name;
    list.back().kind = "memory";
  }
  std::sort(list.begin(), list.end(), [](const Entry &a, const Entry &b) {
    return a.seconds > b.seconds;
  });
  return list;
}

std::string Profile::table() const {
  std::vector<Entry> list = entries();
  std::map<std::string, Entry> kinds;
  double total = 0;
  for (const Entry &entry : list) {
    Entry &kind = kinds[entry.kind];
    kind.launches += entry.launches;
    kind.seconds += entry.seconds;
    kind.flops += entry.flops;
    kind.bytes += entry.bytes;
    total += entry.seconds;
  }
  auto line = [&](const std::string &name, const std::string &kind,
                  const Entry &entry) {
    double seconds = std::max(entry.seconds, 1e-12);
    return formatted(
        "  %-44s %-14s %9lld %10.3f s %6.1f %% %9.1f GFLOP/s %8.1f GB/s\n",
        name.substr(0, 44).c_str(), kind.c_str(), (long long)entry.launches,
        entry.seconds, 100 * entry.seconds / std::max(total, 1e-12),
        entry.flops / seconds * 1e-9, entry.bytes / seconds * 1e-9);
  };
  std::string text =
      cat("time by kernel (", readableSeconds(total), " in all)\n");
  for (const Entry &entry : list)
    text += line(entry.name, entry.kind, entry);
  text += "time by kind\n";
  std::vector<std::pair<std::string, Entry>> sorted(kinds.begin(), kinds.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto &a, const auto &b) {
    return a.second.seconds > b.second.seconds;
  });
  for (const auto &[kind, entry] : sorted)
    text += line(kind, "", entry);
  return text;
}

void Profile::writeJson(JsonWriter &json) const {
  json.beginArray();
  for (const Entry &entry : entries())
    json.beginObject()
        .field("kernel", entry.name)
        .field("kind", entry.kind)
        .field("launches", entry.launches)
        .field("seconds", entry.seconds)
        .field("flops", entry.flops)
        .field("bytes", entry.bytes)
        .endObject();
  json.endArray();
}

} // namespace pgrt
