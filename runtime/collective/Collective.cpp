#include "runtime/collective/Collective.h"
#include "runtime/support/Text.h"

#include <algorithm>
#include <cstring>

namespace pgrt {

std::string Collective::nameOf(int rank) const { return cat("rank ", rank); }

void Collective::barrier() { any(false); }

void Collective::broadcast(void *data, int64_t bytes, int root) {
  if (bytes == 0)
    return;
  if (rank() != root) {
    Receive receive{root, data, bytes};
    exchange({}, {&receive, 1});
    return;
  }
  std::vector<Send> sends;
  for (int other = 0; other < size(); ++other)
    if (other != root)
      sends.push_back({other, data, bytes});
  exchange(sends, {});
}

std::string Collective::broadcastText(std::string text, int root) {
  auto bytes = broadcastValue(int64_t(text.size()), root);
  text.resize(size_t(bytes));
  broadcast(text.data(), bytes, root);
  return text;
}

void Collective::allGather(const void *mine, void *all, int64_t bytes) {
  if (bytes == 0)
    return;
  char *to = static_cast<char *>(all);
  std::memcpy(to + rank() * bytes, mine, size_t(bytes));
  std::vector<Send> sends;
  std::vector<Receive> receives;
  for (int other = 0; other < size(); ++other)
    if (other != rank()) {
      sends.push_back({other, mine, bytes});
      receives.push_back({other, to + other * bytes, bytes});
    }
  exchange(sends, receives);
}

std::vector<std::string> Collective::allGatherTexts(const std::string &mine) {
  std::vector<int64_t> sizes(static_cast<size_t>(size()));
  auto own = int64_t(mine.size());
  allGather(&own, sizes.data(), sizeof own);
  std::vector<std::string> texts(sizes.size());
  std::vector<Send> sends;
  std::vector<Receive> receives;
  for (int other = 0; other < size(); ++other) {
    std::string &text = texts[size_t(other)];
    text.resize(size_t(sizes[size_t(other)]));
    if (other == rank()) {
      text = mine;
      continue;
    }
    if (own)
      sends.push_back({other, mine.data(), own});
    if (!text.empty())
      receives.push_back({other, text.data(), int64_t(text.size())});
  }
  exchange(sends, receives);
  return texts;
}

bool Collective::any(bool mine) {
  std::vector<char> all(static_cast<size_t>(size()));
  char own = mine;
  allGather(&own, all.data(), 1);
  return std::any_of(all.begin(), all.end(), [](char c) { return c != 0; });
}

} // namespace pgrt
