#include "runtime/artifact/Codec.h"

#include "runtime/support/Error.h"

#include <limits>

namespace pgrt {

std::unique_ptr<Codec> makeCodec(const std::string &name, int64_t argument) {
  struct Entry {
    const char *name;
    std::unique_ptr<Codec> (*make)(int argument);
  };
  static constexpr Entry entries[] = {{"shuffle", makeShuffle},
                                      {"brotli", makeBrotli},
                                      {"zlib", makeZlib},
                                      {"lzma", makeLzma}};
  std::vector<std::string> names;
  for (const Entry &entry : entries) {
    if (name == entry.name) {
      bool fits = argument >= std::numeric_limits<int>::min() &&
                  argument <= std::numeric_limits<int>::max();
      return entry.make(fits ? int(argument) : -1);
    }
    names.push_back(entry.name);
  }
  failInput("there is no codec '", name, "'", didYouMean(name, names));
}

} // namespace pgrt
