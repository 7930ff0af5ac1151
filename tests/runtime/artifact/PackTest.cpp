// From leaves to blocks and back, estimates, the cap.

#include "runtime/artifact/Estimate.h"
#include "runtime/artifact/FitCap.h"
#include "runtime/artifact/Payload.h"
#include "runtime/artifact/ZeroOnes.h"
#include "runtime/support/Error.h"
#include "runtime/support/Half.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

namespace pgrt {

namespace {
const ParallelFor serial = [](int64_t count,
                              const std::function<void(int64_t)> &body) {
  for (int64_t i = 0; i < count; ++i)
    body(i);
};
const ParallelFor backwards = [](int64_t count,
                                 const std::function<void(int64_t)> &body) {
  for (int64_t i = count; i-- > 0;)
    body(i);
};

/// Leaves of one parameter: codes [rows, columns] in −hi … hi, and scales.
struct Model {
  plan::Leaf codes, scales;
  std::vector<StoredLeaf> leaves;

  Model(int64_t rows, int64_t columns, int64_t hi, double spread,
        unsigned seed = 1) {
    codes.set_kind(plan::Leaf::CODES);
    codes.set_lo(-hi);
    codes.set_hi(hi);
    codes.add_shape(rows);
    codes.add_shape(columns);
    scales.set_kind(plan::Leaf::F16);
    scales.add_shape(rows);
    scales.add_shape(1);
    std::mt19937 random(seed);
    std::normal_distribution<double> normal(0, spread);
    StoredLeaf first{&codes, 0, rows * columns, {}},
        second{&scales, 0, rows, {}};
    for (int64_t i = 0; i < rows * columns; ++i) {
      int64_t code = std::clamp<int64_t>(std::lround(normal(random)), -hi, hi);
      first.bytes.push_back(char(code));
      if (first.elementBytes() == 2)
        first.bytes.push_back(char(code >> 8));
    }
    for (int64_t i = 0; i < rows; ++i) {
      uint16_t half = 0;
      exactHalf(double(1 + i % 7) / 64, half);
      second.bytes.push_back(char(half));
      second.bytes.push_back(char(half >> 8));
    }
    leaves = {first, second};
  }
};

plan::Pack packOf(std::vector<std::pair<const char *, int64_t>> codecs) {
  plan::Pack pack;
  for (auto [name, argument] : codecs) {
    plan::Pack::Codec *codec = pack.add_codecs();
    codec->set_name(name);
    codec->set_argument(argument);
  }
  return pack;
}

struct Packed {
  artifact::Artifact artifact;
  artifact::Table table;

  Packed(const std::vector<StoredLeaf> &leaves, const plan::Pack &pack,
         const ParallelFor &parallel = serial) {
    PackSteps steps(pack);
    for (const plan::Pack::Codec &codec : pack.codecs()) {
      artifact.add_codecs()->set_name(codec.name());
      artifact.mutable_codecs(artifact.codecs_size() - 1)
          ->set_argument(codec.argument());
    }
    packBlocks(artifact, table, joinLeaves(leaves, steps.base3()), steps,
               parallel, nullptr);
  }

  std::vector<StoredLeaf> unpack(std::vector<StoredLeaf> leaves) const {
    for (StoredLeaf &leaf : leaves)
      leaf.bytes.clear();
    unpackLeaves(leaves, artifact, table, serial);
    return leaves;
  }
};
} // namespace

TEST(Pack, GivesBackWhatItTook) {
  const std::vector<plan::Pack> packs = {
      packOf({{"shuffle", 2}, {"brotli", 5}}), packOf({{"brotli", 11}}),
      packOf({{"base3", 0}, {"shuffle", 2}, {"zlib", 9}}),
      packOf({{"lzma", 6}}), packOf({})};
  for (const plan::Pack &pack : packs)
    for (int64_t hi : {1, 7, 31, 127, 1000})
      for (int64_t columns : {1, 5, 3001}) {
        Model model(200, columns, hi, double(hi) / 3);
        Packed packed(model.leaves, pack);
        std::vector<StoredLeaf> again = packed.unpack(model.leaves);
        for (size_t i = 0; i < again.size(); ++i)
          EXPECT_EQ(again[i].bytes, model.leaves[i].bytes);
        // In any order of the work.
        EXPECT_EQ(
            Packed(model.leaves, pack, backwards).artifact.SerializeAsString(),
            packed.artifact.SerializeAsString());
      }
}

TEST(Pack, TritsTakeTheShorterForm) {
  for (double spread : {0.1, 0.3, 1.0, 5.0})
    for (size_t count : {0u, 1u, 4u, 5u, 6u, 1000u}) {
      std::mt19937 random(1);
      std::normal_distribution<double> normal(0, spread);
      std::string codes;
      for (size_t i = 0; i < count; ++i)
        codes.push_back(
            char(std::clamp<long>(std::lround(normal(random)), -1, 1)));
      std::string packed = encodeBase3(codes);
      EXPECT_LE(packed.size(), 1 + (count + 4) / 5);
      EXPECT_EQ(base3Size(packed + "rest", count), packed.size());
      EXPECT_EQ(decodeBase3(packed, count), codes);
      if (count == 1000 && spread == 0.1)
        EXPECT_LT(packed.size(), 140u);
    }
  EXPECT_THROW(encodeBase3(std::string(1, 2)), Error);
  EXPECT_THROW(base3Size("", 5), Error);
  EXPECT_THROW(base3Size("X12345", 5), Error);
  EXPECT_THROW(base3Size("T", 5), Error);
  EXPECT_THROW(decodeBase3("T\xff", 5), Error);
  EXPECT_THROW(decodeBase3("T\x03", 1), Error);
}

TEST(Pack, RefusesStepsThatDoNotFit) {
  EXPECT_THROW(PackSteps(packOf({{"brotli", 12}})), Error);
  EXPECT_THROW(PackSteps(packOf({{"shuffle", 2}, {"base3", 0}})), Error);
  try {
    PackSteps steps(packOf({{"broti", 11}}));
    FAIL();
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'brotli'"),
              std::string::npos);
  }
}

TEST(Pack, RefusesDamagedBlocks) {
  Model model(100, 3000, 31, 4);
  const Packed whole(model.leaves, packOf({{"shuffle", 2}, {"brotli", 5}}));
  int refused = 0;
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    Packed damaged = whole;
    std::string &block = *damaged.artifact.mutable_blocks(
        int(random() % unsigned(damaged.artifact.blocks_size())));
    if (round % 3 == 0)
      block.resize(random() % block.size());
    else
      block[random() % block.size()] ^= char(1 << random() % 8);
    try {
      damaged.unpack(model.leaves);
    } catch (const Error &) {
      ++refused; // otherwise other codes: the frame's hash is what tells
    }
  }
  EXPECT_GE(refused, 100); // all that were cut off, at least
  Packed more = whole;
  more.table.set_bytes_narrow(uint64_t(1) << 60);
  EXPECT_THROW(more.unpack(model.leaves), Error);
  more = whole;
  more.artifact.mutable_blocks()->RemoveLast();
  EXPECT_THROW(more.unpack(model.leaves), Error);
}

TEST(Pack, EntropyIsOfTheSymbols) {
  EXPECT_EQ(entropyBytes("aaaaaaaa", 1), 0);
  EXPECT_NEAR(entropyBytes("abcdabcd", 1), 2.0, 1e-12);
  EXPECT_NEAR(entropyBytes("aAbAaBbB", 2), 1.0, 1e-12);
}

// What codes of many densities take, from a sample of them; then when all have
// moved, as they do with a quantiser's constant.
TEST(Pack, SamplesPredictTheSize) {
  plan::Pack pack = packOf({{"shuffle", 2}, {"brotli", 9}});
  PackSteps steps(pack);
  SizeCurve curve;
  for (double scale : {1.0, 0.9, 0.8}) {
    std::vector<std::unique_ptr<Model>> models;
    std::vector<StoredLeaf> leaves;
    for (int i = 0; i < 12; ++i) {
      models.push_back(
          std::make_unique<Model>(300, 1000, 31, scale * (0.3 + 0.25 * i), i));
      for (const StoredLeaf &leaf : models.back()->leaves)
        leaves.push_back(leaf);
    }
    Packed packed(leaves, pack);
    double size = 0;
    for (const std::string &block : packed.artifact.blocks())
      size += double(block.size());
    PayloadParts parts = joinLeaves(leaves, false);
    if (curve.empty())
      curve.sample(parts, steps, serial);
    EXPECT_NEAR(curve.estimate(parts, serial), size, 0.005 * size) << scale;
  }
}

namespace {
/// An artifact whose size falls with the logarithm of the constant.
struct Falling {
  double fixed = 1000, perBit = 20000, start = 80000, noise = 0;
  double value = 0;
  int packs = 0, estimates = 0;

  double size(double at) const {
    return std::floor(fixed + std::max(0.0, start - perBit * std::log2(at)) *
                                  (1 + noise * std::sin(1000 * at)));
  }

  CapSolution solve(double file, int64_t cap, double bias) {
    CapProblem problem;
    problem.value = file;
    problem.cap = cap;
    problem.estimate = [&](double at) {
      ++estimates;
      value = at;
      return size(at) * bias;
    };
    problem.pack = [&] {
      ++packs;
      return int64_t(size(value));
    };
    problem.say = [](const std::string &) {};
    return fitCap(problem);
  }
};
} // namespace

TEST(FitCap, KeepsTheFilesValueIfItFits) {
  Falling falling;
  CapSolution solution = falling.solve(4, 41000, 1);
  EXPECT_TRUE(solution.fits);
  EXPECT_EQ(solution.value, 4);
  EXPECT_EQ(solution.bytes, 41000);
  EXPECT_EQ(falling.packs, 1);
}

TEST(FitCap, RaisesItUntilItJustFits) {
  for (double bias : {0.98, 1.0, 1.03})
    for (double noise : {0.0, 0.0005})
      for (int64_t cap : {60000, 40000, 20000, 5000}) {
        Falling falling;
        falling.noise = noise;
        CapSolution solution = falling.solve(1.5, cap, bias);
        ASSERT_TRUE(solution.fits) << cap;
        EXPECT_GT(solution.value, 1.5);
        EXPECT_LE(solution.bytes, cap);
        EXPECT_GE(double(solution.bytes), 0.995 * double(cap));
        // What was packed last is the solution.
        EXPECT_EQ(falling.value, solution.value);
        EXPECT_EQ(int64_t(falling.size(falling.value)), solution.bytes);
        EXPECT_LE(falling.packs, 3) << bias << " " << cap;
        EXPECT_LE(falling.estimates, 20);
      }
}

TEST(FitCap, TakesTheNextStepWhereSizesJump) {
  CapProblem problem;
  problem.value = 1;
  problem.cap = 500;
  double value = 0;
  problem.estimate = [&](double at) {
    value = at;
    return at < 3 ? 600.0 : 400.0;
  };
  problem.pack = [&] { return value < 3 ? 600 : 400; };
  problem.say = [](const std::string &) {};
  CapSolution solution = fitCap(problem);
  EXPECT_TRUE(solution.fits);
  EXPECT_EQ(solution.bytes, 400);
  EXPECT_GE(value, 3);
  EXPECT_EQ(value, solution.value);
}

TEST(FitCap, SaysWhenNothingFits) {
  Falling falling;
  CapSolution solution = falling.solve(2, 900, 1);
  EXPECT_FALSE(solution.fits);
  EXPECT_EQ(solution.bytes, 1000); // the least there is
}

TEST(ZeroOnes, TakesThoseOfTheSmallestScaleInOrder) {
  plan::Leaf codes, scales;
  codes.set_kind(plan::Leaf::CODES);
  codes.set_lo(-31), codes.set_hi(31);
  codes.add_shape(3), codes.add_shape(4);
  scales.set_kind(plan::Leaf::F16);
  scales.add_shape(3), scales.add_shape(1);
  auto bytes = [](std::vector<int> values) {
    return std::string(values.begin(), values.end());
  };
  // Scales 2, 1, 2.
  const std::vector<StoredLeaf> leaves = {
      {&codes, 0, 12, bytes({1, 5, -1, 0, 1, 1, 7, -1, 1, -2, 3, 1})},
      {&scales, 0, 3, std::string("\x00\x40\x00\x3c\x00\x40", 6)}};
  auto zero = [&](int64_t count, int64_t expected) {
    std::vector<StoredLeaf> copy = leaves;
    EXPECT_EQ(zeroOnes(copy, count), expected);
    return copy[0].bytes;
  };
  EXPECT_EQ(zero(2, 2), bytes({1, 5, -1, 0, 0, 0, 7, -1, 1, -2, 3, 1}));
  EXPECT_EQ(zero(4, 4), bytes({0, 5, -1, 0, 0, 0, 7, 0, 1, -2, 3, 1}));
  EXPECT_EQ(zero(6, 6), bytes({0, 5, 0, 0, 0, 0, 7, 0, 0, -2, 3, 1}));
  EXPECT_EQ(zero(100, 7), bytes({0, 5, 0, 0, 0, 0, 7, 0, 0, -2, 3, 0}));
}

TEST(Half, HoldsExactlyWhatItHolds) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float value = halfToFloat(uint16_t(bits));
    if (std::isnan(value))
      continue;
    uint16_t again = 1;
    EXPECT_TRUE(exactHalf(double(value), again)) << bits;
    EXPECT_EQ(again, bits);
    if (std::isfinite(value) && value != 0) {
      EXPECT_FALSE(exactHalf(double(value) * (1 + 1e-4), again)) << bits;
    }
  }
  uint16_t half;
  EXPECT_FALSE(exactHalf(65520, half));
  EXPECT_FALSE(exactHalf(1e-9, half));
  EXPECT_FALSE(exactHalf(NAN, half));
}

} // namespace pgrt
