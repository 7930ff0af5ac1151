#include "runtime/artifact/Codec.h"

#include "runtime/support/Error.h"

#include <lzma.h>

#include <array>

namespace pgrt {
namespace {

class Lzma : public Codec {
public:
  explicit Lzma(int preset) : preset(static_cast<uint32_t>(preset)) {}

  std::string encode(std::string_view bytes) const override {
    std::string out(lzma_stream_buffer_bound(bytes.size()), '\0');
    size_t size = 0;
    if (lzma_easy_buffer_encode(preset, LZMA_CHECK_CRC32, nullptr,
                                reinterpret_cast<const uint8_t *>(bytes.data()),
                                bytes.size(),
                                reinterpret_cast<uint8_t *>(out.data()), &size,
                                out.size()) != LZMA_OK)
      failMachine("LZMA could not compress ", bytes.size(),
                  " bytes: not enough memory?");
    out.resize(size);
    return out;
  }

  std::string decode(std::string_view bytes, size_t limit) const override {
    lzma_stream stream = LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&stream, memoryLimit, 0) != LZMA_OK)
      failMachine("no memory for the LZMA decoder");
    std::unique_ptr<lzma_stream, decltype(&lzma_end)> guard(&stream, lzma_end);
    stream.next_in = reinterpret_cast<const uint8_t *>(bytes.data());
    stream.avail_in = bytes.size();
    std::string out;
    std::array<uint8_t, 1 << 16> chunk;
    while (true) {
      stream.next_out = chunk.data();
      stream.avail_out = chunk.size();
      lzma_ret status = lzma_code(&stream, LZMA_FINISH);
      out.append(reinterpret_cast<char *>(chunk.data()),
                 chunk.size() - stream.avail_out);
      if (out.size() > limit)
        failInput("the packed weights are damaged: more than ", limit,
                  " bytes unpacked");
      if (status == LZMA_STREAM_END && stream.avail_in == 0)
        return out;
      if (status != LZMA_OK)
        failInput(
            "the packed weights are damaged: the LZMA stream is not whole");
    }
  }

private:
  static constexpr uint64_t memoryLimit = uint64_t(1) << 30;
  uint32_t preset;
};

} // namespace

std::unique_ptr<Codec> makeLzma(int preset) {
  if (preset < 0 || preset > 9)
    failInput("lzma: the level is ", preset, "; it must be 0 to 9");
  return std::make_unique<Lzma>(preset);
}

} // namespace pgrt
