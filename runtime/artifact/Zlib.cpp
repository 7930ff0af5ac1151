#include "runtime/artifact/Codec.h"

#include "runtime/support/Error.h"

#include <zlib.h>

#include <array>

namespace pgrt {
namespace {

class Zlib : public Codec {
public:
  explicit Zlib(int level) : level(level) {}

  std::string encode(std::string_view bytes) const override {
    uLongf size = compressBound(bytes.size());
    std::string out(size, '\0');
    if (compress2(reinterpret_cast<Bytef *>(out.data()), &size,
                  reinterpret_cast<const Bytef *>(bytes.data()), bytes.size(),
                  level) != Z_OK)
      failMachine("zlib could not compress ", bytes.size(),
                  " bytes: not enough memory?");
    out.resize(size);
    return out;
  }

  std::string decode(std::string_view bytes, size_t limit) const override {
    if (bytes.size() > UINT32_MAX)
      failInput("the packed weights are damaged: a zlib stream of ",
                bytes.size(), " bytes");
    z_stream stream = {};
    if (inflateInit(&stream) != Z_OK)
      failMachine("no memory for the zlib decoder");
    std::unique_ptr<z_stream, decltype(&inflateEnd)> guard(&stream, inflateEnd);
    stream.next_in =
        reinterpret_cast<Bytef *>(const_cast<char *>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    std::string out;
    std::array<unsigned char, 1 << 16> chunk;
    while (true) {
      stream.next_out = chunk.data();
      stream.avail_out = chunk.size();
      int status = inflate(&stream, Z_NO_FLUSH);
      size_t made = chunk.size() - stream.avail_out;
      out.append(reinterpret_cast<char *>(chunk.data()), made);
      if (out.size() > limit)
        failInput("the packed weights are damaged: more than ", limit,
                  " bytes unpacked");
      if (status == Z_STREAM_END && stream.avail_in == 0)
        return out;
      if (status != Z_OK || made == 0)
        failInput("the packed weights are damaged: ",
                  stream.msg ? stream.msg
                             : "the zlib stream has the wrong length");
    }
  }

private:
  int level;
};

} // namespace

std::unique_ptr<Codec> makeZlib(int level) {
  if (level < 0 || level > 9)
    failInput("zlib: the level is ", level, "; it must be 0 to 9");
  return std::make_unique<Zlib>(level);
}

} // namespace pgrt
