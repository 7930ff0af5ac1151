#include "runtime/support/Philox.h"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

namespace pgrt {

// Known answers of the Random123 library's test vectors.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, 0, 0),
            (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  uint32_t f = 0xffffffff;
  EXPECT_EQ(philox4x32({f, f, f, f}, f, f),
            (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       0xa4093822, 0x299f31d0),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// The formula itself, in double, word by word.
static double normalByFormula(const PhiloxStream &stream, uint64_t element) {
  PhiloxBlock words = stream.block(element / 4);
  uint32_t w = words[element % 4 / 2 * 2],
           turn = words[element % 4 / 2 * 2 + 1];
  double radius = std::sqrt(-2 * std::log((double(w >> 1) + 0.5) * 0x1p-31)),
         angle = 2 * M_PI * turn * 0x1p-32;
  return radius * (element % 2 ? std::sin(angle) : std::cos(angle));
}

TEST(Philox, NormalsAreBoxMuller) {
  PhiloxStream stream(314, "blocks.0.attn.c_q.weight");
  std::vector<float> values(5000);
  stream.normals(0, 5000, 1, values.data());
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(values[i], normalByFormula(stream, i),
                2e-6 * std::fmax(1, std::fabs(values[i])))
        << i;
}

TEST(Philox, AnyRangeGivesTheSameElements) {
  PhiloxStream stream(1, "x");
  std::vector<float> all(3000);
  stream.normals(0, 3000, 0.5f, all.data());
  for (uint64_t begin : {0, 1, 2, 3, 255, 256, 257, 1000})
    for (int64_t count : {1, 3, 255, 256, 600}) {
      std::vector<float> part(size_t(count), -9);
      stream.normals(begin, count, 0.5f, part.data());
      for (size_t i = 0; i < part.size(); ++i)
        ASSERT_EQ(part[i], all[begin + i]) << begin << " " << count;
    }
}

TEST(Philox, Moments) {
  constexpr int64_t count = 1 << 20;
  std::vector<float> values(count);
  PhiloxStream(2, "tok_emb.weight").normals(0, count, 1, values.data());
  double sum = 0, squares = 0, fourth = 0, lag = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    double x = double(values[i]);
    sum += x, squares += x * x, fourth += x * x * x * x;
    lag += i ? x * double(values[i - 1]) : 0;
  }
  EXPECT_NEAR(sum / count, 0, 0.005);
  EXPECT_NEAR(squares / count, 1, 0.01);
  EXPECT_NEAR(fourth / count, 3, 0.05);
  EXPECT_NEAR(lag / count, 0, 0.005);
}

TEST(Philox, SeedsAndNamesMatter) {
  EXPECT_NE(PhiloxStream(1, "a").block(0), PhiloxStream(2, "a").block(0));
  EXPECT_NE(PhiloxStream(1, "a").block(0), PhiloxStream(1, "b").block(0));
  PhiloxStream stream(1, "a");
  for (uint64_t i = 0; i < 1000; ++i)
    ASSERT_LT(stream.below(i, 7), 7u);
}

} // namespace pgrt
