// pgrt as a program: exit statuses, messages, files.

#include "runtime/plan/PlanFile.h"
#include "runtime/support/Json.h"
#include "runtime/support/Text.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/wait.h>

namespace pgrt {

namespace {
struct Ran {
  int status;
  std::string output; // stdout and stderr
};

Ran pgrt(const std::string &arguments) {
  std::string file =
      testing::TempDir() + "pgrt-output-" + std::to_string(getpid());
  int status = system(
      (std::string(PGRT) + " " + arguments + " >" + file + " 2>&1").c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, toy::readFile(file)};
}

/// A folder with toy.plan and data.
std::string prepareFolder(const toy::ToyOptions &options = {}) {
  std::string folder = toy::testFolder();
  toy::writeFile(folder + "/toy.plan", framePlan(toy::makePlan(options)));
  std::filesystem::create_directory(folder + "/data");
  toy::writeShard(folder + "/data/train_000000.bin", toy::makeTokens(3000));
  return folder;
}

#define EXPECT_CONTAINS(text, part)                                            \
  EXPECT_NE((text).find(part), std::string::npos) << (text)
} // namespace

TEST(Pgrt, TrainsAndWrites) {
  std::string folder = prepareFolder(), run = folder +
                                              "/toy.plan --seed 3 --data " +
                                              folder + "/data --out " + folder;
  Ran ran = pgrt(run + "/a --threads 1");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_CONTAINS(ran.output, "182 parameters");
  EXPECT_CONTAINS(ran.output, "gradients");
  EXPECT_CONTAINS(ran.output, "step 10/10 | loss ");
  EXPECT_CONTAINS(ran.output, "switch late is on from step 6");
  EXPECT_CONTAINS(ran.output, "evaluate  left out");
  ran = pgrt(run + "/b --threads 2 --quiet");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.output, "");
  for (const char *file : {"final.safetensors", "weights.safetensors"})
    EXPECT_EQ(toy::readFile(folder + "/a/" + file),
              toy::readFile(folder + "/b/" + file));
  JsonValue submission;
  EXPECT_EQ(parseJson(toy::readFile(folder + "/a/submission.json"), submission),
            "");
  EXPECT_EQ(submission.find("seed_results")->find("3")->find("steps")->integer,
            10);
  EXPECT_EQ(split(toy::readFile(folder + "/a/log.jsonl"), '\n').size(), 10u);
}

TEST(Pgrt, WallClock) {
  std::string folder = prepareFolder();
  Ran ran = pgrt(folder + "/toy.plan --wallclock 0.3 --data " + folder +
                 "/data --out " + folder + "/a");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_CONTAINS(ran.output, "trained");
}

TEST(Pgrt, Evaluates) {
  std::string folder = prepareFolder();
  toy::writeTokenizer(folder + "/data/tokenizer.model");
  // Only tokens that the tokenizer has.
  toy::writeShard(folder + "/data/val_000000.bin", toy::makeTokens(100, 6));
  std::string run =
      folder + "/toy.plan --data " + folder + "/data --out " + folder + "/a";
  Ran ran = pgrt(run);
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_CONTAINS(ran.output, "bits a byte");
  std::string last = split(toy::readFile(folder + "/a/log.jsonl"), '\n').back();
  JsonValue event;
  ASSERT_EQ(parseJson(last, event), "");
  EXPECT_EQ(event.find("event")->string, "eval");
  EXPECT_EQ(event.find("tokens")->integer, 96); // 16 windows of 6
  // The same weights score the same.
  ran = pgrt(run + "/again --stages evaluate --init " + folder +
             "/a/weights.safetensors");
  EXPECT_EQ(ran.status, 0) << ran.output;
  JsonValue again;
  ASSERT_EQ(
      parseJson(
          split(toy::readFile(folder + "/a/again/log.jsonl"), '\n').back(),
          again),
      "");
  EXPECT_EQ(again.find("nll")->number, event.find("nll")->number);
  ran = pgrt(run + "/again --val-tokens 30 --stages evaluate --init " + folder +
             "/a/weights.safetensors");
  EXPECT_CONTAINS(ran.output, "chunked: 24 tokens");
}

TEST(Pgrt, UsageErrors) {
  std::string folder = prepareFolder(), plan = folder + "/toy.plan ";
  EXPECT_EQ(pgrt("").status, 2);
  EXPECT_EQ(pgrt(plan + plan).status, 2);
  for (const char *bad : {"--sed 3", "--steps 0", "--steps x", "--wallclock -1",
                          "--threads 0", "--seed", "--order random",
                          "--stages fly", "--device tpu", "--quiet=1"}) {
    Ran ran =
        pgrt(plan + "--data " + folder + "/data --out " + folder + "/a " + bad);
    EXPECT_EQ(ran.status, 2) << bad << ran.output;
    EXPECT_CONTAINS(ran.output, "pgrt: error: ");
  }
  EXPECT_CONTAINS(pgrt(plan + "--sed 3").output, "did you mean '--seed'?");
  EXPECT_EQ(pgrt("--help").status, 0);
  EXPECT_EQ(pgrt("--version").status, 0);
  EXPECT_EQ(pgrt("probe --help").status, 0);
  EXPECT_EQ(pgrt("inspect --help").status, 0);
}

TEST(Pgrt, InputErrors) {
  std::string folder = prepareFolder(), plan = folder + "/toy.plan ";
  EXPECT_EQ(pgrt(folder + "/none.plan").status, 1);
  EXPECT_EQ(pgrt(folder).status, 1);
  Ran ran = pgrt(plan + "--data " + folder + "/nothing");
  EXPECT_EQ(ran.status, 1);
  EXPECT_CONTAINS(ran.output, "pgdata build");
  std::string bytes = toy::readFile(folder + "/toy.plan");
  toy::writeFile(folder + "/cut.plan", bytes.substr(0, bytes.size() / 2));
  ran = pgrt(folder + "/cut.plan");
  EXPECT_EQ(ran.status, 1);
  EXPECT_CONTAINS(ran.output, "cut off");
  toy::writeShard(folder + "/data/train_000001.bin", {1, 2, 3, 13, 1});
  ran = pgrt(plan + "--data " + folder + "/data --out " + folder + "/a");
  EXPECT_EQ(ran.status, 1);
  EXPECT_CONTAINS(ran.output, "train_000001.bin': token 3 is 13");
  EXPECT_EQ(pgrt(plan + "--data " + folder + "/data --stages evaluate").status,
            2); // of what weights?
  ran = pgrt(plan + "--data " + folder +
             "/data/train_000000.bin --stages evaluate --init x");
  EXPECT_EQ(ran.status, 1);
  EXPECT_CONTAINS(ran.output, "cannot evaluate");
  EXPECT_EQ(
      pgrt("probe " + plan + "--weights x --tokens y --batch 1 --seq 2 -o z")
          .status,
      1);
}

TEST(Pgrt, InterruptWritesWhatThereIs) {
  toy::ToyOptions options;
  options.steps = 100'000'000;
  std::string folder = prepareFolder(options);
  std::string command = "timeout -s INT 1 " + std::string(PGRT) + " " + folder +
                        "/toy.plan --data " + folder + "/data --out " + folder +
                        "/a >" + folder + "/output 2>&1; true";
  ASSERT_EQ(system(command.c_str()), 0);
  EXPECT_CONTAINS(toy::readFile(folder + "/output"), "stopped after");
  EXPECT_TRUE(std::filesystem::exists(folder + "/a/weights.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(folder + "/a/submission.json"));
}

TEST(Pgrt, Inspect) {
  std::string folder = prepareFolder();
  Ran ran = pgrt("inspect " + folder + "/toy.plan");
  EXPECT_EQ(ran.status, 0);
  EXPECT_CONTAINS(ran.output, "182 parameters");
  EXPECT_CONTAINS(ran.output, "toy_forward");
  ran = pgrt("inspect --json " + folder + "/toy.plan");
  JsonValue value;
  ASSERT_EQ(parseJson(ran.output, value), "");
  EXPECT_EQ(value.find("parameter_count")->integer, 182);
}

TEST(Pgrt, Profile) {
  std::string folder = prepareFolder();
  Ran ran = pgrt(folder + "/toy.plan --profile --data " + folder +
                 "/data --out " + folder + "/a");
  EXPECT_EQ(ran.status, 0);
  EXPECT_CONTAINS(ran.output, "time by kernel");
  EXPECT_CONTAINS(ran.output, "GFLOP/s");
  JsonValue value;
  EXPECT_EQ(parseJson(toy::readFile(folder + "/a/profile.json"), value), "");
}

} // namespace pgrt
