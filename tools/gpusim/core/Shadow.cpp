#include "tools/gpusim/core/Shadow.h"

#include <algorithm>

namespace gpusim {

void Shadow::resize(uint64_t size) {
  words.assign((size + 3) / 4, Cell());
  bytes.clear();
  lists.assign(1, {});
  freeLists.clear();
}

uint32_t Shadow::newList(std::vector<Touch> reads) {
  if (freeLists.empty()) {
    lists.push_back(std::move(reads));
    return uint32_t(lists.size()) - 1;
  }
  uint32_t index = freeLists.back();
  freeLists.pop_back();
  lists[index] = std::move(reads);
  return index;
}

Conflict Shadow::access(uint64_t at, unsigned size, bool write,
                        const Actor &actor) {
  uint64_t end = at + size;
  while (at < end) {
    Cell &word = words[at / 4];
    if (at % 4 == 0 && end - at >= 4 && !word.split) {
      Conflict conflict = touch(word, write, actor);
      if (conflict.kind) {
        conflict.at = at;
        return conflict;
      }
      at += 4;
      continue;
    }
    if (!word.split) {
      word.split = uint32_t(bytes.size()) + 1;
      Cell copy = word;
      copy.split = 0;
      for (int i = 0; i < 4; ++i) {
        bytes.push_back(copy);
        if (copy.moreReads) {
          std::vector<Touch> reads = lists[copy.moreReads];
          bytes.back().moreReads = newList(std::move(reads));
        }
      }
    }
    Cell &cell = bytes[word.split - 1 + at % 4];
    Conflict conflict = touch(cell, write, actor);
    if (conflict.kind) {
      conflict.at = at;
      return conflict;
    }
    ++at;
  }
  return {};
}

Conflict Shadow::against(const Touch &earlier, bool earlierWrote, bool write,
                         const Actor &actor) const {
  if (earlier.agent == none || (!earlierWrote && !write) ||
      (earlier.atomic && actor.atomic))
    return {};
  bool ordered = actor.issuer->ordered(earlier.agent, earlier.clock);
  // Accesses of one agent are in order only among themselves when it is a
  // thread; an agent's copies are ordered by their completion alone.
  bool visible = true;
  if (ordered && actor.async && earlierWrote && !earlier.async)
    visible = actor.issuer->visibleToAsync(earlier.agent, earlier.clock);
  if (ordered && visible)
    return {};
  Conflict conflict;
  conflict.kind = ordered ? Conflict::Proxy : Conflict::Race;
  conflict.otherWrote = earlierWrote;
  conflict.agent = earlier.agent;
  conflict.line = earlier.line;
  return conflict;
}

void Shadow::addRead(Cell &cell, const Actor &actor) {
  Touch touch{actor.agent, actor.clock, actor.line, actor.async, actor.atomic};
  auto replaceable = [&](const Touch &old) {
    return old.agent == none || old.agent == actor.agent ||
           (actor.issuer->ordered(old.agent, old.clock) && !actor.async);
  };
  if (!cell.moreReads) {
    if (replaceable(cell.read)) {
      cell.read = touch;
      return;
    }
    cell.moreReads = newList({cell.read, touch});
    return;
  }
  std::vector<Touch> &reads = lists[cell.moreReads];
  for (Touch &read : reads)
    if (read.agent == actor.agent) {
      read = touch;
      return;
    }
  reads.erase(std::remove_if(reads.begin(), reads.end(), replaceable),
              reads.end());
  reads.push_back(touch);
}

Conflict Shadow::touch(Cell &cell, bool write, const Actor &actor) {
  Conflict conflict = against(cell.write, true, write, actor);
  if (conflict.kind)
    return conflict;
  if (!write) {
    if (actor.swizzle && cell.swizzle && actor.swizzle != cell.swizzle) {
      conflict.kind = Conflict::Swizzle;
      conflict.otherWrote = true;
      conflict.agent = cell.write.agent;
      conflict.line = cell.write.line;
      conflict.swizzle = cell.swizzle;
      return conflict;
    }
    addRead(cell, actor);
    return {};
  }
  if (cell.moreReads) {
    for (const Touch &read : lists[cell.moreReads])
      if ((conflict = against(read, false, write, actor)).kind)
        return conflict;
    freeLists.push_back(cell.moreReads);
    cell.moreReads = 0;
  } else if ((conflict = against(cell.read, false, write, actor)).kind) {
    return conflict;
  }
  cell.read = Touch();
  cell.write = {actor.agent, actor.clock, actor.line, actor.async,
                actor.atomic};
  cell.swizzle = actor.swizzle;
  return {};
}

} // namespace gpusim
