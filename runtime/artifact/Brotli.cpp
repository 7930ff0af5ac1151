#include "runtime/artifact/Codec.h"

#include "runtime/support/Error.h"

#include <brotli/decode.h>
#include <brotli/encode.h>

#include <algorithm>
#include <array>

namespace pgrt {
namespace {

class Brotli : public Codec {
public:
  explicit Brotli(int quality) : quality(quality) {}

  std::string encode(std::string_view bytes) const override {
    size_t size =
        std::max<size_t>(BrotliEncoderMaxCompressedSize(bytes.size()), 64);
    std::string out(size, '\0');
    if (!BrotliEncoderCompress(quality, BROTLI_MAX_WINDOW_BITS,
                               BROTLI_MODE_GENERIC, bytes.size(),
                               reinterpret_cast<const uint8_t *>(bytes.data()),
                               &size, reinterpret_cast<uint8_t *>(out.data())))
      failMachine("Brotli could not compress ", bytes.size(),
                  " bytes: not enough memory?");
    out.resize(size);
    return out;
  }

  std::string decode(std::string_view bytes, size_t limit) const override {
    std::unique_ptr<BrotliDecoderState, decltype(&BrotliDecoderDestroyInstance)>
        state(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr),
              BrotliDecoderDestroyInstance);
    if (!state)
      failMachine("no memory for the Brotli decoder");
    std::string out;
    std::array<uint8_t, 1 << 16> chunk;
    size_t left = bytes.size();
    auto *next = reinterpret_cast<const uint8_t *>(bytes.data());
    while (true) {
      size_t room = chunk.size();
      uint8_t *at = chunk.data();
      auto result = BrotliDecoderDecompressStream(state.get(), &left, &next,
                                                  &room, &at, nullptr);
      out.append(reinterpret_cast<char *>(chunk.data()), chunk.size() - room);
      if (out.size() > limit)
        failInput("the packed weights are damaged: more than ", limit,
                  " bytes unpacked");
      if (result == BROTLI_DECODER_RESULT_SUCCESS && left == 0)
        return out;
      if (result != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT)
        failInput("the packed weights are damaged: ",
                  result == BROTLI_DECODER_RESULT_ERROR
                      ? BrotliDecoderErrorString(
                            BrotliDecoderGetErrorCode(state.get()))
                      : "the Brotli stream has the wrong length");
    }
  }

private:
  int quality;
};

} // namespace

std::unique_ptr<Codec> makeBrotli(int quality) {
  if (quality < 0 || quality > 11)
    failInput("brotli: the quality is ", quality, "; it must be 0 to 11");
  return std::make_unique<Brotli>(quality);
}

} // namespace pgrt
