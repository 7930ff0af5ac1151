#include "runtime/plan/PlanFile.h"
#include "runtime/plan/PlanLoader.h"
#include "runtime/support/Error.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <gtest/gtest.h>

namespace pgrt {

static std::string unframe(const std::string &file) {
  plan::Plan plan;
  return unframePlan(file, plan);
}

TEST(PlanFile, RoundTrip) {
  plan::Plan plan = toy::makePlan(), again;
  std::string file = framePlan(plan);
  Digest digest;
  ASSERT_EQ(unframePlan(file, again, &digest), "");
  EXPECT_EQ(framePlan(again), file);
  EXPECT_EQ(digest, sha256(std::string_view(file).substr(planHeaderBytes)));
}

TEST(PlanFile, RefusesEveryTruncation) {
  std::string file = framePlan(toy::makePlan());
  for (size_t size = 0; size < file.size(); size += size < 200 ? 1 : 97)
    EXPECT_NE(unframe(file.substr(0, size)), "") << size;
  EXPECT_NE(unframe(file + "x"), "");
}

TEST(PlanFile, RefusesEveryFlippedBit) {
  std::string file = framePlan(toy::makePlan());
  for (size_t at = 0; at < file.size(); at += at < planHeaderBytes ? 1 : 211)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = file;
      damaged[at] = char(damaged[at] ^ 1 << bit);
      EXPECT_NE(unframe(damaged), "") << at << " " << bit;
    }
}

TEST(PlanFile, NamesWhatIsWrong) {
  std::string file = framePlan(toy::makePlan());
  EXPECT_NE(unframe("\x7f"
                    "ELF…")
                .find("not a plan"),
            std::string::npos);
  EXPECT_NE(unframe("").find("not a plan"), std::string::npos);
  EXPECT_NE(unframe(file.substr(0, 30)).find("cut off"), std::string::npos);
  EXPECT_NE(unframe(file.substr(0, 3000)).find("cut off"), std::string::npos);
  std::string other = file;
  other[8] = 9;
  EXPECT_NE(unframe(other).find("version 9"), std::string::npos);
  // A size that asks for more than there could be.
  other = file;
  other[23] = '\x7f';
  EXPECT_NE(unframe(other).find("more than any plan"), std::string::npos);
}

TEST(PlanFile, LoaderNamesTheFile) {
  std::string path = toy::testFolder() + "/toy.plan";
  toy::writeFile(path, framePlan(toy::makePlan()));
  EXPECT_EQ(loadPlan(path)->plan.model_name(), "toy");
  toy::writeFile(path, "nonsense");
  try {
    loadPlan(path);
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.code, ExitCode::Input);
    EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
  }
}

} // namespace pgrt
