#include "runtime/artifact/Codec.h"

#include "runtime/support/Error.h"

#include <gtest/gtest.h>

using namespace pgrt;

namespace {

struct Case {
  const char *name;
  std::unique_ptr<Codec> (*make)();
};

class CodecTest : public testing::TestWithParam<Case> {};

std::string sample(size_t size) {
  std::string bytes;
  uint32_t state = 1;
  for (size_t i = 0; i < size; ++i) {
    state = state * 1664525 + 1013904223;
    bytes.push_back(static_cast<char>(state >> 29));
  }
  return bytes;
}

TEST_P(CodecTest, GivesBackWhatItTook) {
  auto codec = GetParam().make();
  for (size_t size : {0, 1, 2, 3, 7, 1000, 200'001}) {
    std::string bytes = sample(size);
    std::string coded = codec->encode(bytes);
    EXPECT_EQ(codec->encode(bytes), coded);
    EXPECT_EQ(codec->decode(coded, size), bytes);
  }
}

TEST_P(CodecTest, RefusesMoreThanTheLimit) {
  auto codec = GetParam().make();
  EXPECT_THROW(codec->decode(codec->encode(sample(5000)), 4999), Error);
}

TEST_P(CodecTest, RefusesATruncatedStream) {
  auto codec = GetParam().make();
  std::string coded = codec->encode(sample(5000));
  for (size_t size : {size_t(0), size_t(1), size_t(4)})
    EXPECT_THROW(codec->decode(coded.substr(0, size), 5000), Error) << size;
}

INSTANTIATE_TEST_SUITE_P(
    All, CodecTest,
    testing::Values(Case{"shuffle", [] { return makeShuffle(2); }},
                    Case{"shuffle7", [] { return makeShuffle(7); }},
                    Case{"brotli", [] { return makeBrotli(11); }},
                    Case{"zlib", [] { return makeZlib(9); }},
                    Case{"lzma", [] { return makeLzma(6); }}),
    [](const auto &info) { return std::string(info.param.name); });

TEST(Codec, ShuffleHasThePublishedFormat) {
  EXPECT_EQ(makeShuffle(2)->encode("abcde"), std::string("BSHF\x02") + "acebd");
}

TEST(Codec, RefusesSettingsOutOfRange) {
  EXPECT_THROW(makeShuffle(0), Error);
  EXPECT_THROW(makeBrotli(12), Error);
  EXPECT_THROW(makeZlib(-1), Error);
  EXPECT_THROW(makeLzma(10), Error);
}

} // namespace
