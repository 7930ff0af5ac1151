#include "runtime/data/Shard.h"
#include "runtime/support/Error.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <functional>
#include <gtest/gtest.h>

namespace pgrt {

static std::string messageOf(const std::function<void()> &body) {
  try {
    body();
    return "";
  } catch (const Error &error) {
    return error.what();
  }
}

TEST(Shard, Reads) {
  std::string path = toy::testFolder() + "/a.bin";
  toy::writeShard(path, {5, 65535, 0, 7});
  Shard shard(path);
  EXPECT_EQ(shard.tokens(), 4);
  int64_t tokens[3];
  shard.read(1, 3, 65536, tokens);
  EXPECT_EQ(tokens[0], 65535);
  EXPECT_EQ(tokens[2], 7);
  std::string message = messageOf([&] { shard.read(0, 3, 100, tokens); });
  EXPECT_NE(message.find("token 1 is 65535"), std::string::npos) << message;
  EXPECT_NE(message.find(path), std::string::npos);
}

TEST(Shard, RefusesDamagedFiles) {
  std::string path = toy::testFolder() + "/a.bin";
  toy::writeShard(path, toy::makeTokens(50));
  std::string whole = toy::readFile(path);
  for (size_t size : {0, 1, 100, 1023, 1024, 1025, 1122, 1123}) {
    toy::writeFile(path, whole.substr(0, size));
    EXPECT_NE(messageOf([&] { Shard{path}; }), "") << size;
  }
  toy::writeFile(path, whole + "x");
  EXPECT_NE(messageOf([&] { Shard{path}; }), "");
  for (size_t at : {0, 4, 8, 11}) { // magic, version, count, sign of the count
    std::string damaged = whole;
    damaged[at] = char(damaged[at] ^ 0x80);
    toy::writeFile(path, damaged);
    EXPECT_NE(messageOf([&] { Shard{path}; }), "") << at;
  }
}

TEST(Shard, FindsBothLayouts) {
  std::string folder = toy::testFolder();
  EXPECT_TRUE(openShards(folder, "train").empty());
  toy::writeShard(folder + "/fineweb_train_000001.bin", {1, 2, 3});
  toy::writeShard(folder + "/fineweb_train_000000.bin", {1, 2});
  toy::writeShard(folder + "/fineweb_val_000000.bin", {1});
  toy::writeFile(folder + "/manifest.json", "{}");
  std::vector<Shard> shards = openShards(folder, "train");
  ASSERT_EQ(shards.size(), 2u);
  EXPECT_EQ(shards[0].tokens(), 2);
  EXPECT_EQ(openShards(folder, "val").size(), 1u);
  EXPECT_EQ(openShards(folder + "/fineweb_val_000000.bin", "train").size(), 1u);
  EXPECT_NE(messageOf([&] { openShards(folder + "/missing.bin", "train"); }),
            "");
  toy::writeShard(folder + "/train_000000.bin", {1});
  EXPECT_NE(messageOf([&] { openShards(folder, "train"); }).find("keep one"),
            std::string::npos);
}

TEST(Shard, ContentHashIgnoresNames) {
  std::string folder = toy::testFolder();
  std::vector<uint16_t> tokens = toy::makeTokens(700'000);
  toy::writeShard(folder + "/a.bin", tokens);
  toy::writeShard(folder + "/b.bin", tokens);
  tokens.back() ^= 1;
  toy::writeShard(folder + "/c.bin", tokens);
  EXPECT_EQ(Shard(folder + "/a.bin").contentHash(),
            Shard(folder + "/b.bin").contentHash());
  EXPECT_NE(Shard(folder + "/a.bin").contentHash(),
            Shard(folder + "/c.bin").contentHash());
}

TEST(Shard, ForeignTokensAreFoundAtTheStart) {
  std::string folder = toy::testFolder();
  std::vector<uint16_t> tokens(400'000, 3);
  tokens[300'001] = 100;
  toy::writeShard(folder + "/train_0.bin", tokens);
  std::vector<Shard> shards = openShards(folder, "train");
  EXPECT_NO_THROW(checkTokens(shards, 101, 1 << 20));
  EXPECT_NE(messageOf([&] {
              checkTokens(shards, 100, 1 << 20);
            }).find("token 300001 is 100"),
            std::string::npos);
  EXPECT_NO_THROW(checkTokens(
      shards, 100, 1000)); // too large to look through: left to the reading
}

} // namespace pgrt
