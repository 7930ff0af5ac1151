#include "runtime/data/ByteTable.h"
#include "runtime/support/Error.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <gtest/gtest.h>

namespace pgrt {

TEST(ByteTable, CountsBytes) {
  std::string path = toy::testFolder() + "/t.model";
  toy::writeTokenizer(path);
  ByteTable table(path, 20);
  EXPECT_EQ(table.pieces(), 9);
  enum { Unknown, Begin, End, Unused, Space, ByteA, Ab, The, Accent, Missing };
  for (int64_t previous : {Unknown, Begin, End, Unused, Space, Ab}) {
    bool boundary = previous <= End;
    EXPECT_EQ(table.bytes(previous, Unknown), 0);
    EXPECT_EQ(table.bytes(previous, Begin), 0);
    EXPECT_EQ(table.bytes(previous, Unused), 0);
    EXPECT_EQ(table.bytes(previous, ByteA), 1);
    EXPECT_EQ(table.bytes(previous, Ab), 2);
    EXPECT_EQ(table.bytes(previous, Accent), 2); // in UTF-8
    EXPECT_EQ(table.bytes(previous, Missing), 0);
    EXPECT_EQ(table.bytes(previous, Space), boundary ? 0 : 1);
    EXPECT_EQ(table.bytes(previous, The), boundary ? 3 : 4);
  }
}

TEST(ByteTable, RefusesWhatWouldCountWrong) {
  std::string folder = toy::testFolder();
  toy::writeTokenizer(folder + "/t.model");
  EXPECT_THROW(ByteTable(folder + "/t.model", 8),
               Error); // more pieces than the vocabulary
  EXPECT_THROW(ByteTable(folder + "/missing.model", 100), Error);
  toy::writeTokenizer(folder + "/spaceless.model", false);
  EXPECT_THROW(ByteTable(folder + "/spaceless.model", 100), Error);
  std::string whole = toy::readFile(folder + "/t.model");
  for (size_t size = 0; size < whole.size();
       ++size) { // cut off: not a message, or without its last pieces
    toy::writeFile(folder + "/cut.model", whole.substr(0, size));
    try {
      EXPECT_LT(ByteTable(folder + "/cut.model", 100).pieces(), 9);
    } catch (const Error &) {
    }
  }
  toy::writeFile(folder + "/bad.model", "nonsense");
  EXPECT_THROW(ByteTable(folder + "/bad.model", 100), Error);
}

} // namespace pgrt
