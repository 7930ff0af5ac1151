// pgrt from a plan to an artifact, its scores, its verification, an entry.

#include "runtime/artifact/ArtifactFile.h"
#include "runtime/artifact/Codec.h"
#include "runtime/plan/PlanFile.h"
#include "runtime/support/Error.h"
#include "runtime/support/Json.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <filesystem>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/wait.h>

namespace pgrt {

namespace {
struct Ran {
  int status;
  std::string output; // stdout and stderr
};

Ran pgrt(const std::string &arguments) {
  std::string file =
      testing::TempDir() + "pgrt-artifact-" + std::to_string(getpid());
  int status = system(
      (std::string(PGRT) + " " + arguments + " >" + file + " 2>&1").c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, toy::readFile(file)};
}

#define EXPECT_CONTAINS(text, part)                                            \
  EXPECT_NE((text).find(part), std::string::npos) << (text)

/// A folder with toy.plan, eval.plan (which scores only) and data.
std::string prepareFolder(toy::ToyOptions options = {}) {
  std::string folder = toy::testFolder();
  options.quantizes = true;
  toy::writeFile(folder + "/toy.plan", framePlan(toy::makePlan(options)));
  options.trains = false;
  toy::writeFile(folder + "/eval.plan", framePlan(toy::makePlan(options)));
  std::filesystem::create_directory(folder + "/data");
  toy::writeShard(folder + "/data/train_000000.bin", toy::makeTokens(3000));
  toy::writeTokenizer(folder + "/data/tokenizer.model");
  toy::writeShard(folder + "/data/val_000000.bin", toy::makeTokens(100, 9));
  return folder;
}

Ran runJob(const std::string &folder, const std::string &out,
           const std::string &more = "") {
  return pgrt(folder + "/toy.plan --data " + folder + "/data --out " + folder +
              "/" + out + " " + more);
}

Ran verify(const std::string &folder, const std::string &artifact,
           const std::string &plan = "eval.plan") {
  return pgrt("verify " + folder + "/" + artifact + " --data " + folder +
              "/data --plan " + folder + "/" + plan);
}

std::vector<JsonValue> eventsOf(const std::string &log,
                                const std::string &kind) {
  std::vector<JsonValue> events;
  for (const std::string &line : split(toy::readFile(log), '\n')) {
    JsonValue event;
    EXPECT_EQ(parseJson(line, event), "") << line;
    if (event.find("event")->string == kind)
      events.push_back(event);
  }
  return events;
}

/// Changes an artifact's message and frames it again: its hash is right.
template <typename Change>
void forge(const std::string &from, const std::string &to, Change change) {
  std::unique_ptr<LoadedArtifact> loaded = loadArtifact(from);
  change(loaded->artifact);
  toy::writeFile(to, frameArtifact(loaded->artifact));
}
} // namespace

TEST(Artifact, TheWholeChain) {
  std::string folder = prepareFolder();
  Ran ran = runJob(folder, "a", "--threads 1");
  ASSERT_EQ(ran.status, 0) << ran.output;
  EXPECT_CONTAINS(ran.output, "evaluated trained, chunked");
  EXPECT_CONTAINS(ran.output, "captured  Hessians over 4 batches");
  EXPECT_CONTAINS(ran.output, "evaluated quantized, ttt");
  ASSERT_EQ(runJob(folder, "b", "--threads 2 --quiet").status, 0);
  EXPECT_EQ(toy::readFile(folder + "/a/artifact.pgz"),
            toy::readFile(folder + "/b/artifact.pgz"));

  std::string log = folder + "/a/log.jsonl";
  std::vector<JsonValue> scores = eventsOf(log, "eval");
  ASSERT_EQ(scores.size(), 4u);
  EXPECT_EQ(scores[0].find("stage")->string, "trained");
  EXPECT_EQ(scores[3].find("kind")->string, "ttt");
  EXPECT_NE(scores[0].find("nll")->number, scores[1].find("nll")->number);
  EXPECT_NEAR(scores[0].find("nll")->number, scores[1].find("nll")->number,
              0.05 * scores[0].find("nll")->number);
  EXPECT_EQ(scores[1].find("nll")->number, scores[2].find("nll")->number);
  std::vector<JsonValue> parameters = eventsOf(log, "quantized");
  ASSERT_EQ(parameters.size(), 2u);
  EXPECT_EQ(parameters[0].find("parameter")->string, "table");
  EXPECT_EQ(parameters[0].find("rule")->string, "gptq_sdclip(bits = 6)");
  EXPECT_GT(parameters[0].find("error")->number, 0);
  EXPECT_LT(parameters[0].find("error")->number, 0.2);
  JsonValue bytes = eventsOf(log, "artifact").at(0);
  int64_t size =
      int64_t(std::filesystem::file_size(folder + "/a/artifact.pgz"));
  EXPECT_EQ(bytes.find("bytes_total")->integer, size);
  EXPECT_EQ(bytes.find("bytes_code")->integer +
                bytes.find("bytes_weights")->integer,
            size);
  JsonValue submission;
  ASSERT_EQ(parseJson(toy::readFile(folder + "/a/submission.json"), submission),
            "");
  EXPECT_EQ(submission.find("bytes_total")->integer, size);
  EXPECT_EQ(submission.find("val_bpb")->number, scores[3].find("bpb")->number);

  // The artifact, the tokenizer and the shards alone give the same scores.
  std::filesystem::remove(folder + "/data/train_000000.bin");
  ran = pgrt("eval " + folder + "/a/artifact.pgz --data " + folder +
             "/data --quiet --plan " + folder + "/eval.plan");
  EXPECT_EQ(ran.status, 0) << ran.output;
  std::vector<std::string> lines = split(ran.output, '\n');
  ASSERT_EQ(lines.size(), 3u) << ran.output;
  for (const std::string &line : lines)
    EXPECT_CONTAINS(line, "as claimed");
  ran = pgrt("eval " + folder + "/a/artifact.pgz --kind sliding --data " +
             folder + "/data --quiet --plan " + folder + "/eval.plan");
  EXPECT_EQ(split(ran.output, '\n').size(), 1u) << ran.output;
  EXPECT_CONTAINS(ran.output, "sliding: ");

  ran = verify(folder, "a/artifact.pgz");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_CONTAINS(ran.output, "the entry is legal");

  ran = pgrt("inspect " + folder + "/a/artifact.pgz");
  EXPECT_EQ(ran.status, 0);
  EXPECT_CONTAINS(ran.output, "codes -31 … 31");
  ran = pgrt("inspect --json " + folder + "/a/artifact.pgz");
  JsonValue inspected;
  ASSERT_EQ(parseJson(ran.output, inspected), "");
  EXPECT_EQ(inspected.find("bytes_total")->integer, size);
  EXPECT_EQ(inspected.find("claims")->items.size(), 3u);
}

TEST(Artifact, StagesAlone) {
  std::string folder = prepareFolder();
  ASSERT_EQ(runJob(folder, "a").status, 0);
  std::string weights = "--init " + folder + "/a/weights.safetensors ";
  // Every item of `evaluate` scores weights that are given.
  Ran ran = runJob(folder, "b", weights + "--stages evaluate");
  EXPECT_EQ(ran.status, 0) << ran.output;
  std::vector<JsonValue> given = eventsOf(folder + "/b/log.jsonl", "eval"),
                         first = eventsOf(folder + "/a/log.jsonl", "eval");
  ASSERT_EQ(given.size(), 4u);
  EXPECT_EQ(given[0].find("nll")->number, first[0].find("nll")->number);
  EXPECT_EQ(given[1].find("nll")->number, first[0].find("nll")->number);
  EXPECT_FALSE(std::filesystem::exists(folder + "/b/artifact.pgz"));
  // Quantising given weights makes the same artifact.
  ran = runJob(folder, "c", weights + "--stages quantize,evaluate");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(toy::readFile(folder + "/a/artifact.pgz"),
            toy::readFile(folder + "/c/artifact.pgz"));
  // Training alone leaves what follows out.
  ran = runJob(folder, "d", "--stages train");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(eventsOf(folder + "/d/log.jsonl", "eval").size(), 0u);
}

TEST(Artifact, RaisesTheConstantUntilItFits) {
  std::string folder = prepareFolder();
  ASSERT_EQ(runJob(folder, "a").status, 0);
  int64_t size =
      int64_t(std::filesystem::file_size(folder + "/a/artifact.pgz"));
  toy::ToyOptions options;
  options.solves = true;
  options.cap = size - 25;
  folder = prepareFolder(options);
  Ran ran = runJob(folder, "a");
  ASSERT_EQ(ran.status, 0) << ran.output;
  EXPECT_CONTAINS(ran.output, "k was raised from 12 to");
  EXPECT_LE(int64_t(std::filesystem::file_size(folder + "/a/artifact.pgz")),
            size - 25);
  EXPECT_EQ(verify(folder, "a/artifact.pgz").status, 0);
  // What fits stays as it is.
  options.cap = size + 50;
  folder = prepareFolder(options);
  ran = runJob(folder, "a");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.output.find("raised"), std::string::npos) << ran.output;
  // Nothing fits: refused, with the numbers, and without an artifact.
  options.cap = 100;
  folder = prepareFolder(options);
  ran = runJob(folder, "a");
  EXPECT_EQ(ran.status, 1);
  EXPECT_CONTAINS(ran.output, "over the cap of 100");
  EXPECT_CONTAINS(ran.output, "table");
  EXPECT_CONTAINS(ran.output, "a bit");
  EXPECT_FALSE(std::filesystem::exists(folder + "/a/artifact.pgz"));
  EXPECT_TRUE(std::filesystem::exists(folder + "/a/weights.safetensors"));
}

TEST(Artifact, ZeroesOnesUntilItFits) {
  std::string folder = prepareFolder();
  ASSERT_EQ(runJob(folder, "a").status, 0);
  toy::ToyOptions options;
  options.zeroOnes = 2;
  options.cap =
      int64_t(std::filesystem::file_size(folder + "/a/artifact.pgz")) - 3;
  folder = prepareFolder(options);
  Ran ran = runJob(folder, "a");
  ASSERT_EQ(ran.status, 0) << ran.output;
  EXPECT_CONTAINS(ran.output, "codes of ±1");
  EXPECT_EQ(verify(folder, "a/artifact.pgz").status, 0);
  options.zeroOnes = 0;
  folder = prepareFolder(options);
  ran = runJob(folder, "a");
  EXPECT_EQ(ran.status, 1);
  EXPECT_CONTAINS(ran.output, "does not fit");
}

TEST(Artifact, RefusesADamagedFile) {
  std::string folder = prepareFolder();
  ASSERT_EQ(runJob(folder, "a").status, 0);
  const std::string whole = toy::readFile(folder + "/a/artifact.pgz"),
                    path = folder + "/damaged.pgz";
  auto refused = [&](const std::string &bytes) {
    toy::writeFile(path, bytes);
    try {
      loadArtifact(path);
      return false;
    } catch (const Error &error) {
      return error.code == ExitCode::Input;
    }
  };
  EXPECT_FALSE(refused(whole));
  for (size_t at = 0; at < frameHeaderBytes; ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[at] = char(damaged[at] ^ 1 << bit);
      EXPECT_TRUE(refused(damaged)) << at;
    }
  std::mt19937 random(11);
  for (int round = 0; round < 1000; ++round) {
    std::string damaged = whole;
    size_t at = frameHeaderBytes + random() % (whole.size() - frameHeaderBytes);
    damaged[at] = char(damaged[at] ^ (1 + random() % 255));
    EXPECT_TRUE(refused(damaged)) << at;
  }
  for (size_t i = 0; i < 100; ++i)
    EXPECT_TRUE(refused(whole.substr(0, whole.size() * i / 100))) << i;
  EXPECT_TRUE(refused(whole + "x"));
  Ran ran = pgrt("verify " + path + " --data " + folder + "/data --plan " +
                 folder + "/eval.plan");
  EXPECT_EQ(ran.status, 1);
  EXPECT_CONTAINS(ran.output, "bytes too many");
}

// Whoever changes a message can also state its new hash: then what it says is
// held against the plan, and nothing crashes.
TEST(Artifact, SurvivesAnyMessage) {
  std::string folder = prepareFolder();
  ASSERT_EQ(runJob(folder, "a").status, 0);
  std::string payload =
      toy::readFile(folder + "/a/artifact.pgz").substr(frameHeaderBytes);
  google::protobuf::LogSilencer silencer;
  std::mt19937 random(5);
  int loaded = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = payload;
    for (unsigned i = 0; i <= random() % 3; ++i)
      bytes[random() % bytes.size()] = char(random());
    artifact::Artifact artifact;
    if (!artifact.ParseFromString(bytes))
      continue;
    toy::writeFile(folder + "/any.pgz", frameArtifact(artifact));
    try {
      loadArtifact(folder + "/any.pgz");
      ++loaded;
    } catch (const Error &) {
    }
    if (round % 100 == 0) {
      EXPECT_LE(verify(folder, "any.pgz").status, 1);
    }
  }
  EXPECT_GT(loaded, 0);
}

TEST(Verify, NamesEachViolation) {
  std::string folder = prepareFolder();
  ASSERT_EQ(runJob(folder, "a").status, 0);
  const std::string artifact = folder + "/a/artifact.pgz",
                    forged = folder + "/forged.pgz";
  auto expect = [&](auto change, const char *message) {
    forge(artifact, forged, change);
    Ran ran = verify(folder, "forged.pgz");
    EXPECT_EQ(ran.status, 1) << message;
    EXPECT_CONTAINS(ran.output, message);
  };
  expect([](artifact::Artifact &a) { a.set_cap(50); }, "over its cap of 50");
  expect(
      [](artifact::Artifact &a) {
        a.mutable_claims(0)->set_nll(a.claims(0).nll() * 0.999);
      },
      "claim: 'chunked' scores");
  expect(
      [](artifact::Artifact &a) {
        a.mutable_claims(1)->set_tokens(a.claims(1).tokens() - 1);
      },
      "a token is left out");
  expect(
      [](artifact::Artifact &a) {
        a.mutable_claims(1)->set_bytes(a.claims(1).bytes() + 10);
      },
      "another tokenizer");
  expect(
      [](artifact::Artifact &a) {
        a.mutable_claims(2)->mutable_validation_hash()->at(3) ^= 1;
      },
      "hash differs");
  expect([](artifact::Artifact &a) { a.mutable_claims()->RemoveLast(); },
         "claims no score of 'ttt'");
  expect(
      [](artifact::Artifact &a) {
        a.mutable_blocks(0)->assign("not compressed");
      },
      "damaged");
  expect(
      [](artifact::Artifact &a) {
        artifact::Table table;
        std::unique_ptr<Codec> brotli = makeBrotli(11);
        table.ParseFromString(brotli->decode(a.table(), 1 << 20));
        table.mutable_leaves(0)->set_hi(15);
        a.set_table(brotli->encode(table.SerializeAsString()));
      },
      "is not the one that the plan reads for 'table'");
  // Other tokens.
  toy::writeShard(folder + "/data/val_000000.bin", toy::makeTokens(101, 8));
  EXPECT_EQ(verify(folder, "a/artifact.pgz").status, 1);
}

TEST(Verify, SeesANetworkThatLooksAhead) {
  toy::ToyOptions options;
  options.forward = "toy_forward_ahead";
  std::string folder = prepareFolder(options);
  ASSERT_EQ(runJob(folder, "a").status, 0);
  Ran ran = verify(folder, "a/artifact.pgz");
  EXPECT_EQ(ran.status, 1);
  EXPECT_CONTAINS(ran.output, "causality: program 'score'");
  EXPECT_CONTAINS(ran.output, "looks ahead");
}

TEST(Verify, SeesProbabilitiesThatSumToMore) {
  toy::ToyOptions options;
  options.forward = "toy_forward_generous";
  std::string folder = prepareFolder(options);
  ASSERT_EQ(runJob(folder, "a").status, 0);
  Ran ran = verify(folder, "a/artifact.pgz");
  EXPECT_EQ(ran.status, 1);
  EXPECT_CONTAINS(ran.output, "normalisation: program 'score'");
}

TEST(Entry, PutsRunsTogether) {
  std::string folder = prepareFolder();
  std::string runs;
  for (int seed : {1, 2, 3}) {
    std::string name = "s" + std::to_string(seed);
    ASSERT_EQ(runJob(folder, name, "--seed " + std::to_string(seed)).status, 0);
    runs += folder + "/" + name + " ";
  }
  Ran ran = pgrt("entry " + runs + "--out " + folder + "/e --against 30");
  ASSERT_EQ(ran.status, 0) << ran.output;
  EXPECT_CONTAINS(ran.output, "a record at p < 0.01");
  JsonValue entry;
  ASSERT_EQ(parseJson(toy::readFile(folder + "/e/submission.json"), entry), "");
  double sum = 0;
  for (const char *seed : {"1", "2", "3"})
    sum += entry.find("seed_results")->find(seed)->find("val_bpb")->number;
  EXPECT_NEAR(entry.find("val_bpb")->number, sum / 3, 1e-12);
  EXPECT_GT(entry.find("val_bpb_std")->number, 0);
  EXPECT_EQ(entry.find("seeds")->items.size(), 3u);
  EXPECT_LT(entry.find("against")->find("p")->number, 0.01);
  for (const char *file : {"README.md", "toy.pgm", "train_seed2.jsonl"})
    EXPECT_TRUE(std::filesystem::exists(folder + "/e/" + file)) << file;

  auto refuse = [&](const std::string &arguments, const char *message) {
    Ran ran = pgrt("entry " + arguments + " --out " + folder + "/none");
    EXPECT_EQ(ran.status, 1);
    EXPECT_CONTAINS(ran.output, message);
    EXPECT_FALSE(std::filesystem::exists(folder + "/none"));
  };
  refuse(folder + "/s1 " + folder + "/s2", "at least three seeds");
  refuse(runs + folder + "/s2", "the same seed");
  // Another plan, other data.
  toy::ToyOptions options;
  options.lr = 1.5;
  options.quantizes = true;
  toy::writeFile(folder + "/toy.plan", framePlan(toy::makePlan(options)));
  ASSERT_EQ(runJob(folder, "plan", "--seed 4").status, 0);
  refuse(runs + folder + "/plan", "differ in their plans");
  options.lr = toy::ToyOptions().lr;
  toy::writeFile(folder + "/toy.plan", framePlan(toy::makePlan(options)));
  toy::writeShard(folder + "/data/train_000000.bin", toy::makeTokens(2900));
  ASSERT_EQ(runJob(folder, "data", "--seed 4").status, 0);
  refuse(runs + folder + "/data", "differ in their data");
  ASSERT_EQ(runJob(folder, "trained", "--seed 5 --stages train").status, 0);
  refuse(runs + folder + "/trained",
         "the run was stopped, or left a stage out");
}

} // namespace pgrt
