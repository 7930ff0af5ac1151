#include "runtime/artifact/Codec.h"

#include "runtime/support/Error.h"

namespace pgrt {
namespace {

constexpr std::string_view magic = "BSHF";

class Shuffle : public Codec {
public:
  explicit Shuffle(int stride) : stride(static_cast<size_t>(stride)) {}

  std::string encode(std::string_view bytes) const override {
    std::string out(magic);
    out.reserve(magic.size() + 1 + bytes.size());
    out.push_back(static_cast<char>(stride));
    for (size_t lane = 0; lane < stride; ++lane)
      for (size_t i = lane; i < bytes.size(); i += stride)
        out.push_back(bytes[i]);
    return out;
  }

  std::string decode(std::string_view bytes, size_t limit) const override {
    if (bytes.size() <= magic.size() || !bytes.starts_with(magic) ||
        static_cast<unsigned char>(bytes[magic.size()]) != stride)
      failInput("the packed weights are damaged: no shuffled stream of stride ",
                stride);
    bytes.remove_prefix(magic.size() + 1);
    if (bytes.size() > limit)
      failInput("the packed weights are damaged: ", bytes.size(),
                " bytes unpacked, at most ", limit, " expected");
    std::string out(bytes.size(), '\0');
    size_t next = 0;
    for (size_t lane = 0; lane < stride; ++lane)
      for (size_t i = lane; i < out.size(); i += stride)
        out[i] = bytes[next++];
    return out;
  }

private:
  size_t stride;
};

} // namespace

std::unique_ptr<Codec> makeShuffle(int stride) {
  if (stride < 1 || stride > 255)
    failInput("shuffle: the stride is ", stride, "; it must be 1 to 255");
  return std::make_unique<Shuffle>(stride);
}

} // namespace pgrt
