// pgrt --device cuda as a program, on simulated GPUs.

#include "runtime/plan/PlanFile.h"
#include "runtime/support/Json.h"
#include "runtime/support/Text.h"
#include "tests/runtime/toy/ToyPlan.h"

#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/wait.h>

namespace pgrt {

namespace {
struct Ran {
  int status;
  std::string output; // stdout and stderr
};

/// `environment`: "NAME=value …".
Ran pgrt(const std::string &arguments,
         const std::string &environment = "LD_LIBRARY_PATH=" GPUSIM) {
  std::string file =
      testing::TempDir() + "pgrt-cuda-" + std::to_string(getpid());
  int status = system(("env " + environment + " " + PGRT + " " + arguments +
                       " >" + file + " 2>&1")
                          .c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, toy::readFile(file)};
}
Ran simulated(const std::string &arguments, const std::string &more) {
  return pgrt(arguments, "LD_LIBRARY_PATH=" GPUSIM " " + more);
}

#define EXPECT_CONTAINS(text, part)                                            \
  EXPECT_NE((text).find(part), std::string::npos) << (text)

/// A folder with both.plan (CPU, and in devices the GPU), gpu.plan, cpu.plan,
/// and the same that score only; and data.
std::string prepareFolder(int64_t parts = 2) {
  std::string folder = toy::testFolder();
  for (bool trains : {true, false}) {
    toy::ToyOptions options;
    options.quantizes = true;
    options.trains = trains;
    options.parts = parts;
    plan::Plan cpu = toy::makePlan(options);
    options.gpu = true;
    plan::Plan gpu = toy::makePlan(options);
    std::string prefix = folder + (trains ? "/" : "/eval-");
    toy::writeFile(prefix + "cpu.plan", framePlan(cpu));
    toy::writeFile(prefix + "gpu.plan", framePlan(gpu));
    *cpu.add_devices() = gpu;
    toy::writeFile(prefix + "both.plan", framePlan(cpu));
  }
  std::filesystem::create_directory(folder + "/data");
  toy::writeShard(folder + "/data/train_000000.bin", toy::makeTokens(3000));
  toy::writeTokenizer(folder + "/data/tokenizer.model");
  toy::writeShard(folder + "/data/val_000000.bin", toy::makeTokens(100, 9));
  return folder;
}

std::string job(const std::string &folder, const char *plan, const char *out) {
  return folder + "/" + plan + " --data " + folder + "/data --out " + folder +
         "/" + out + " --threads 2 ";
}

/// A field of the log's events of one kind.
std::vector<double> numbers(const std::string &log, const char *kind,
                            const char *field) {
  std::vector<double> values;
  for (const std::string &line : split(toy::readFile(log), '\n')) {
    JsonValue event;
    EXPECT_EQ(parseJson(line, event), "") << line;
    if (event.find("event")->string == kind)
      values.push_back(event.find(field)->number);
  }
  return values;
}

void expectNear(const std::vector<double> &a, const std::vector<double> &b,
                double relative) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_NEAR(a[i], b[i], relative * std::abs(b[i])) << i;
}

class Cuda : public testing::Test {
protected:
  void SetUp() override {
    if (toy::readFile(TOY_PTX).empty())
      GTEST_SKIP() << "the C compiler has no PTX back end";
  }
};
} // namespace

// Training, averages, Hessians, quantising, packing, every kind of evaluation,
// and the checks of an entry, of which both programs are the same file.
TEST_F(Cuda, TheWholeChain) {
  std::string folder = prepareFolder();
  Ran gpu = pgrt(job(folder, "both.plan", "gpu") + "--device cuda");
  ASSERT_EQ(gpu.status, 0) << gpu.output;
  EXPECT_CONTAINS(gpu.output,
                  "machine   GPU 0: gpusim (simulated sm_90a; not a GPU)");
  EXPECT_CONTAINS(gpu.output, "switch late is on from step 6");
  EXPECT_CONTAINS(gpu.output, "captured  Hessians over 4 batches");
  EXPECT_CONTAINS(gpu.output, "evaluated quantized, ttt");
  Ran cpu = pgrt(job(folder, "both.plan", "cpu") + "--quiet");
  ASSERT_EQ(cpu.status, 0) << cpu.output;
  std::string gpuLog = folder + "/gpu/log.jsonl",
              cpuLog = folder + "/cpu/log.jsonl";
  // The kernels are the same but for the last digits of exp and log.
  expectNear(numbers(gpuLog, "step", "loss"), numbers(cpuLog, "step", "loss"),
             1e-5);
  expectNear(numbers(gpuLog, "eval", "nll"), numbers(cpuLog, "eval", "nll"),
             1e-3);
  EXPECT_EQ(numbers(gpuLog, "eval", "nll").size(), 4u);

  // A second run, on another GPU, gives the same bits.
  Ran again =
      simulated(job(folder, "gpu.plan", "again") + "--device cuda:1 --quiet",
                "GPUSIM_DEVICES=2");
  ASSERT_EQ(again.status, 0) << again.output;
  EXPECT_EQ(toy::readFile(folder + "/gpu/artifact.pgz"),
            toy::readFile(folder + "/again/artifact.pgz"));

  std::string entry = folder + "/gpu/artifact.pgz --data " + folder +
                      "/data --plan " + folder +
                      "/eval-both.plan --device cuda";
  Ran verified = pgrt("verify " + entry);
  EXPECT_EQ(verified.status, 0) << verified.output;
  EXPECT_CONTAINS(verified.output, "to the last digit");
  Ran scored = pgrt("eval " + entry + " --quiet");
  EXPECT_EQ(scored.status, 0) << scored.output;
  EXPECT_CONTAINS(scored.output, "as claimed");
}

// Threads, each with a GPU; gradients, updates, windows divided. Exchanges go
// on beside the backward pass: as late as they may, or as early.
TEST_F(Cuda, SameBitsOnAnyNumberOfGpus) {
  std::string folder = prepareFolder(/*parts=*/8);
  Ran one = pgrt(job(folder, "gpu.plan", "1") + "--device cuda --quiet");
  ASSERT_EQ(one.status, 0) << one.output;
  for (const auto &[gpus, early] :
       {std::pair("2", "0"), {"4", "1"}, {"8", "0"}, {"8", "1"}}) {
    Ran ran =
        simulated(job(folder, "gpu.plan", gpus) +
                      "--device cuda --quiet --devices " + gpus,
                  cat("GPUSIM_DEVICES=", gpus, " GPUSIM_NEWEST_FIRST=", early));
    ASSERT_EQ(ran.status, 0) << ran.output;
    for (const char *file :
         {"/final.safetensors", "/weights.safetensors", "/artifact.pgz"})
      EXPECT_EQ(toy::readFile(folder + "/1" + file),
                toy::readFile(folder + "/" + gpus + file))
          << gpus << file;
    std::string log = "/log.jsonl";
    EXPECT_EQ(numbers(folder + "/1" + log, "eval", "nll"),
              numbers(folder + "/" + gpus + log, "eval", "nll"));
    EXPECT_EQ(numbers(folder + "/1" + log, "step", "loss"),
              numbers(folder + "/" + gpus + log, "step", "loss"));
  }
  Ran few = simulated(job(folder, "gpu.plan", "few") +
                          "--device cuda --quiet --devices 4",
                      "GPUSIM_DEVICES=2");
  EXPECT_EQ(few.status, 3) << few.output;
  EXPECT_CONTAINS(few.output, "each rank needs one of its own; there are 2");
}

// A planted fault: exchanges that do not wait for the gradients. The test above
// would tell.
TEST_F(Cuda, ExchangesHaveToWaitForTheirGradients) {
  std::string folder = prepareFolder(/*parts=*/8);
  for (const char *forgets : {"0", "1"}) {
    Ran ran = simulated(job(folder, "gpu.plan", forgets) +
                            "--device cuda --quiet --devices 2 --stages train",
                        cat("GPUSIM_DEVICES=2 GPUSIM_NEWEST_FIRST=1 "
                            "GPUSIM_FORGET_GRAPH_EVENTS=",
                            forgets));
    ASSERT_EQ(ran.status, 0) << ran.output;
  }
  const char *file = "/final.safetensors";
  EXPECT_NE(toy::readFile(folder + "/0" + file),
            toy::readFile(folder + "/1" + file));
}

TEST_F(Cuda, ProfilesKernelByKernel) {
  std::string folder = prepareFolder();
  Ran ran = pgrt(job(folder, "gpu.plan", "a") +
                 "--device cuda --profile --stages train --steps 2");
  ASSERT_EQ(ran.status, 0) << ran.output;
  EXPECT_CONTAINS(ran.output, "toy_table_gradient");
  EXPECT_CONTAINS(ran.output, "fill");
  // Timed or recorded, the results are the same.
  ASSERT_EQ(pgrt(job(folder, "gpu.plan", "b") +
                 "--device cuda --stages train --steps 2 --quiet")
                .status,
            0);
  EXPECT_EQ(toy::readFile(folder + "/a/final.safetensors"),
            toy::readFile(folder + "/b/final.safetensors"));
}

TEST_F(Cuda, ThePlanHasToBeForTheDevice) {
  std::string folder = prepareFolder();
  Ran ran = pgrt(job(folder, "cpu.plan", "a") + "--device cuda");
  EXPECT_EQ(ran.status, 1);
  EXPECT_CONTAINS(ran.output, "--target=sm_90a");
  ran = pgrt(job(folder, "gpu.plan", "a"));
  EXPECT_EQ(ran.status, 1);
  EXPECT_CONTAINS(ran.output, "run it with --device cuda");
  ran = pgrt(job(folder, "cpu.plan", "a") + "--device cuda:x");
  EXPECT_EQ(ran.status, 2);
  EXPECT_CONTAINS(ran.output, "cuda:N");
}

TEST_F(Cuda, InspectShowsBothPlans) {
  std::string folder = prepareFolder();
  Ran ran = pgrt("inspect " + folder + "/both.plan");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_CONTAINS(ran.output, "code for test");
  EXPECT_CONTAINS(ran.output, "for another device");
  EXPECT_CONTAINS(ran.output, "code for sm_90a, 0 B, PTX ");
  EXPECT_CONTAINS(ran.output, "12x1x1 blocks of    1 threads");
  ran = pgrt("inspect --json " + folder + "/both.plan");
  JsonValue json;
  ASSERT_EQ(parseJson(ran.output, json), "");
  EXPECT_EQ(json.find("device")->string, "cpu");
  EXPECT_EQ(json.find("devices")->items.at(0).find("device")->string, "cuda");
}

TEST_F(Cuda, MachinesThatWillNotDo) {
  std::string folder = prepareFolder(),
              run = job(folder, "gpu.plan", "a") + "--device cuda";
  auto fails = [&](const std::string &environment, const char *message) {
    Ran ran = simulated(run, environment);
    EXPECT_EQ(ran.status, 3) << ran.output;
    EXPECT_CONTAINS(ran.output, message);
  };
  fails("GPUSIM_DEVICES=0", "the NVIDIA driver sees no GPU");
  fails("GPUSIM_CAPABILITY=80", "has compute capability 8.0");
  fails("GPUSIM_DRIVER=11080", "is for CUDA 11.8, at least 12.0 is needed");
  fails("GPUSIM_DRIVER=12020", "too old for the plan's PTX: install a newer "
                               "driver, or compile the plan where ptxas is");
  fails("GPUSIM_MEMORY_MIB=0", "not enough memory on GPU 0");
}

// Where there is a driver, this program would use it.
TEST_F(Cuda, NoDriver) {
  if (system("ldconfig -p 2>/dev/null | grep -q libcuda.so.1") == 0)
    GTEST_SKIP() << "there is one";
  std::string folder = prepareFolder();
  Ran ran = pgrt(job(folder, "gpu.plan", "a") + "--device cuda",
                 "-u LD_LIBRARY_PATH");
  EXPECT_EQ(ran.status, 3) << ran.output;
  EXPECT_CONTAINS(ran.output, "there is no NVIDIA driver on this machine");
  EXPECT_CONTAINS(ran.output, "use --device cpu");
}

} // namespace pgrt
