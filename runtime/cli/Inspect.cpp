#include "runtime/artifact/ArtifactFile.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Options.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/PlanLoader.h"
#include "runtime/predict/TimeReport.h"
#include "runtime/support/Error.h"
#include "runtime/support/Json.h"
#include "runtime/train/Estimate.h"

#include <cstdio>
#include <map>

namespace pgrt {

template <typename Shape> static std::string shapeText(const Shape &shape) {
  std::string text = "[";
  for (int i = 0; i < shape.size(); ++i)
    text += cat(i ? ", " : "", shape.Get(i));
  return text + "]";
}

static int64_t elementsOf(const plan::Parameter &parameter) {
  int64_t elements = 1;
  for (int64_t size : parameter.shape())
    elements *= size;
  return elements;
}

/// The quantiser of a parameter as the file calls it; null if there is none.
static const plan::Quantizer *quantizerOf(const plan::Plan &plan,
                                          int parameter) {
  return parameter < plan.quantization().quantizers_size()
             ? &plan.quantization().quantizers(parameter)
             : nullptr;
}

/// "codes -31 … 31 [512, 512], f16 [512, 1]".
static std::string leavesText(const plan::Quantizer &quantizer) {
  std::string text;
  for (const plan::Leaf &leaf : quantizer.leaves())
    text += cat(text.empty() ? "" : ", ",
                leaf.kind() == plan::Leaf::CODES
                    ? cat("codes ", leaf.lo(), " … ", leaf.hi(), " ")
                    : std::string("f16 "),
                shapeText(leaf.shape()));
  return text.empty() ? "nothing" : text;
}

static std::string phasesOf(const plan::Program &program) {
  std::string text;
  for (const std::string &phase : program.phases())
    text += (text.empty() ? "" : ", ") + phase;
  return text;
}

static int64_t launchesOf(const plan::Program &program) {
  int64_t launches = 0;
  for (const plan::Command &command : program.commands())
    launches += command.has_launch();
  return launches;
}

/// "96x12x1"
static std::string gridText(const plan::GpuLaunch &gpu) {
  return cat(gpu.grid_x(), "x", gpu.grid_y(), "x", gpu.grid_z());
}

/// How the work falls apart: chunks, blocks and their threads, or whose it is.
static std::string howText(const plan::Kernel &kernel) {
  if (kernel.has_library())
    return formatted("%-14s", "cuBLASLt");
  if (kernel.has_gpu())
    return formatted("%7s blocks of %4u threads",
                     gridText(kernel.gpu()).c_str(), kernel.gpu().threads());
  return formatted("%7lld chunks", (long long)kernel.chunks());
}

static std::map<int, int64_t> launchesByKernel(const plan::Plan &plan) {
  std::map<int, int64_t> launches;
  for (const plan::Program &program : plan.programs())
    for (const plan::Command &command : program.commands())
      if (command.has_launch())
        ++launches[int(command.launch().kernel())];
  return launches;
}

static void writeJson(JsonWriter &json, const plan::Plan &plan,
                      const Digest &digest) {
  json.beginObject();
  json.field("model", plan.model_name())
      .field("producer", plan.producer())
      .field("device", deviceOf(plan))
      .field("numerics", plan.numerics())
      .field("vocab", int64_t(plan.vocab()))
      .field("hash", toHex(digest))
      .field("parameter_count", parameterCount(plan))
      .field("arena_bytes", arenaBytes(plan));
  json.key("code").beginArray();
  for (const plan::Code &code : plan.code())
    json.beginObject()
        .field("target", code.target())
        .field("bytes", uint64_t(code.object().size()))
        .field("ptx_bytes", uint64_t(code.ptx().size()))
        .endObject();
  json.endArray().key("parameters").beginArray();
  for (int i = 0; i < plan.parameters_size(); ++i) {
    const plan::Parameter &parameter = plan.parameters(i);
    json.beginObject()
        .field("name", parameter.name())
        .key("shape")
        .beginArray();
    for (int64_t size : parameter.shape())
      json.value(size);
    json.endArray().field("group", parameter.group());
    if (const plan::Quantizer *quantizer = quantizerOf(plan, i))
      json.field("quantizer", quantizer->rule())
          .field("stored", leavesText(*quantizer));
    json.endObject();
  }
  json.endArray().key("arenas").beginArray();
  for (const plan::Arena &arena : plan.arenas())
    json.beginObject()
        .field("name", arena.name())
        .field("bytes", int64_t(arena.bytes()))
        .field("instances", std::max<int64_t>(1, arena.instances()))
        .field("alias_of", arena.alias_of())
        .endObject();
  json.endArray().key("programs").beginArray();
  for (const plan::Program &program : plan.programs())
    json.beginObject()
        .field("name", program.name())
        .field("role", program.role())
        .field("phases", phasesOf(program))
        .field("batch", int64_t(program.batch()))
        .field("seq", int64_t(program.seq()))
        .field("commands", program.commands_size())
        .field("launches", launchesOf(program))
        .field("flops", programFlops(plan, program))
        .endObject();
  json.endArray().key("kernels").beginArray();
  std::map<int, int64_t> launches = launchesByKernel(plan);
  for (int i = 0; i < plan.kernels_size(); ++i) {
    const plan::Kernel &kernel = plan.kernels(i);
    json.beginObject()
        .field("symbol", kernel.symbol())
        .field("kind", kernel.kind())
        .field("chunks", int64_t(kernel.chunks()))
        .field("scratch", int64_t(kernel.scratch_bytes()))
        .field("flops", kernel.flops())
        .field("bytes", kernel.bytes())
        .field("launches", launches[i]);
    if (kernel.has_gpu())
      json.field("grid", gridText(kernel.gpu()))
          .field("threads", int64_t(kernel.gpu().threads()))
          .field("shared_bytes", int64_t(kernel.gpu().shared_bytes()));
    json.endObject();
  }
  json.endArray();
  json.key("devices").beginArray();
  for (const plan::Plan &other : plan.devices())
    writeJson(json, other, digest);
  json.endArray().endObject();
}

static void printText(const plan::Plan &plan, const Digest &digest) {
  std::printf("%s, %s, by %s\n", plan.model_name().c_str(),
              plan.numerics().c_str(), plan.producer().c_str());
  std::printf("hash %s\n", toHex(digest).c_str());
  for (const plan::Code &code : plan.code()) {
    std::printf("code for %s, %s", code.target().c_str(),
                readableBytes(double(code.object().size())).c_str());
    if (!code.ptx().empty())
      std::printf(", PTX %s", readableBytes(double(code.ptx().size())).c_str());
    std::printf("\n");
  }
  std::printf("\n%s\n", parameterLine(plan).c_str());
  std::map<std::string, int64_t> groups;
  for (const plan::Parameter &parameter : plan.parameters())
    groups[parameter.group()] += elementsOf(parameter);
  for (const auto &[group, count] : groups)
    std::printf("  %-20s %14s\n", group.c_str(), withThousands(count).c_str());
  for (const plan::Parameter &parameter : plan.parameters())
    std::printf("    %-40s %-16s %-10s %14s\n", parameter.name().c_str(),
                shapeText(parameter.shape()).c_str(), parameter.group().c_str(),
                withThousands(elementsOf(parameter)).c_str());
  if (plan.has_quantization()) {
    std::printf("\nstored as\n");
    for (const plan::Quantizer &quantizer : plan.quantization().quantizers())
      std::printf("    %-40s %-36s %s\n",
                  plan.parameters(int(quantizer.parameter())).name().c_str(),
                  quantizer.rule().c_str(), leavesText(quantizer).c_str());
  }
  std::printf("\n%s\n\nprograms\n", memoryTable(plan, 1).c_str());
  for (const plan::Program &program : plan.programs())
    std::printf("  %-24s %-8s %-20s %6lld launches %10.3f GFLOP\n",
                program.name().c_str(), program.role().c_str(),
                phasesOf(program).c_str(), (long long)launchesOf(program),
                programFlops(plan, program) * 1e-9);
  std::printf("\nkernels\n");
  std::map<int, int64_t> launches = launchesByKernel(plan);
  for (int i = 0; i < plan.kernels_size(); ++i)
    std::printf("  %-44s %-14s %s %6lld launches %10.3f GFLOP %10s\n",
                plan.kernels(i).symbol().c_str(),
                plan.kernels(i).kind().c_str(),
                howText(plan.kernels(i)).c_str(), (long long)launches[i],
                plan.kernels(i).flops() * 1e-9,
                readableBytes(plan.kernels(i).bytes()).c_str());
  for (const plan::Plan &other : plan.devices()) {
    std::printf("\nfor another device\n\n");
    printText(other, digest);
  }
}

static void printTimes(const LoadedPlan &loaded, int ranks, bool asJson) {
  const plan::Plan *gpuPlan = findGpuPlan(loaded.plan);
  if (!gpuPlan)
    failInput(loaded.path,
              ": times are predicted for GPUs, and this plan has no code for "
              "one; compile it with  --target=sm_90a");
  const plan::Plan &plan = *gpuPlan;
  PlanTime times =
      predictPlan(plan, h100(), ranks ? ranks : mostRanks(plan, h100()));
  if (!asJson) {
    std::printf("%s", timeTables(plan, times).c_str());
    return;
  }
  JsonWriter json;
  writeTimes(json, plan, times);
  std::printf("%s\n", json.text().c_str());
}

int runInspect(const std::vector<std::string> &arguments) {
  bool asJson = false, asTimes = false, help = false;
  int64_t gpus = 0;
  OptionTable table("pgrt inspect PLAN|ARTIFACT [--json]\n"
                    "       pgrt inspect PLAN --time [--gpus N] [--json]",
                    "Checks a plan and prints its parameters, arenas, programs "
                    "and kernels, or an artifact and prints its\n"
                    "bytes, claims and tensors; runs nothing of it.");
  table.flag("--json", "print one JSON object", asJson);
  table.flag("--time",
             "print what a plan for a GPU is predicted to take on H100s, and "
             "what that rests on",
             asTimes);
  table.integer(
      "--gpus", "N",
      "with --time: GPUs that share a step (default: 8, or as many as can)",
      gpus, 1, h100().gpus);
  table.flag("--help", "print this", help);
  std::vector<std::string> files = table.parse(arguments);
  if (help) {
    std::printf("%s", table.help().c_str());
    return 0;
  }
  if (files.size() != 1)
    failUsage("one plan or artifact is needed: ",
              "pgrt inspect PLAN|ARTIFACT [--json]");
  if (looksLikeArtifact(files[0]) && asTimes)
    failUsage("an artifact takes no time: --time is for plans");
  if (looksLikeArtifact(files[0]))
    return inspectArtifact(files[0], asJson);
  std::unique_ptr<LoadedPlan> loaded = loadPlan(files[0]);
  if (asTimes) {
    printTimes(*loaded, int(gpus), asJson);
  } else if (asJson) {
    JsonWriter json;
    writeJson(json, loaded->plan, loaded->digest);
    std::printf("%s\n", json.text().c_str());
  } else {
    printText(loaded->plan, loaded->digest);
  }
  return 0;
}

} // namespace pgrt
