#include "runtime/support/Text.h"

#include <gtest/gtest.h>

namespace pgrt {

TEST(Text, Thousands) {
  EXPECT_EQ(withThousands(0), "0");
  EXPECT_EQ(withThousands(999), "999");
  EXPECT_EQ(withThousands(1000), "1,000");
  EXPECT_EQ(withThousands(35944536), "35,944,536");
  EXPECT_EQ(withThousands(-1234), "-1,234");
  EXPECT_EQ(withThousands(-123), "-123");
}

TEST(Text, ReadableUnits) {
  EXPECT_EQ(readableBytes(0), "0 B");
  EXPECT_EQ(readableBytes(1500), "1.50 kB");
  EXPECT_EQ(readableBytes(143778144), "144 MB");
  EXPECT_EQ(readableBytes(2.5e9), "2.50 GB");
  EXPECT_EQ(readableSeconds(0.8), "0.8 s");
  EXPECT_EQ(readableSeconds(43), "43 s");
  EXPECT_EQ(readableSeconds(750), "12 min 30 s");
  EXPECT_EQ(readableSeconds(3900), "1 h 05 min");
}

TEST(Text, NearestName) {
  std::vector<std::string> names = {"--seed", "--steps", "--stages"};
  EXPECT_EQ(nearestName("--sed", names), "--seed");
  EXPECT_EQ(nearestName("--step", names), "--steps");
  EXPECT_EQ(nearestName("quite different", names), "");
  EXPECT_EQ(didYouMean("--sed", names), "; did you mean '--seed'?");
}

TEST(Text, Numbers) {
  int64_t integer;
  double number;
  EXPECT_TRUE(parseInteger("-12", integer));
  EXPECT_EQ(integer, -12);
  for (const char *bad : {"", "1x", "1.5", " 1", "99999999999999999999"})
    EXPECT_FALSE(parseInteger(bad, integer)) << bad;
  EXPECT_TRUE(parseNumber("1e3", number));
  EXPECT_EQ(number, 1000);
  for (const char *bad : {"", "inf", "nan", "1 "})
    EXPECT_FALSE(parseNumber(bad, number)) << bad;
}

} // namespace pgrt
