#include "runtime/cli/Commands.h"
#include "runtime/cli/Options.h"
#include "runtime/data/Shard.h"
#include "runtime/executor/Executor.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/PlanLoader.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Error.h"
#include "runtime/train/Initialise.h"

#include <cstdio>

namespace pgrt {

// An output of floats as F32.
static std::vector<float> readFloats(const Executor &executor,
                                     const plan::Port &port) {
  int64_t count = port.bytes() / typeBytes(port.type());
  std::vector<float> values(static_cast<size_t>(count));
  if (port.type() == plan::F32) {
    executor.device().read(values.data(), executor.address(port.slot()),
                           port.bytes());
  } else {
    std::vector<double> wide(static_cast<size_t>(count));
    executor.device().read(wide.data(), executor.address(port.slot()),
                           port.bytes());
    std::copy(wide.begin(), wide.end(), values.begin());
  }
  return values;
}

static const plan::Program &probeProgram(const plan::Plan &plan, int64_t batch,
                                         int64_t seq,
                                         const std::string &phase) {
  std::vector<std::string> shapes, phases;
  for (const plan::Program &program : plan.programs()) {
    if (program.role() != "probe")
      continue;
    shapes.push_back(cat(program.batch(), "x", program.seq()));
    if (program.batch() != batch || program.seq() != seq)
      continue;
    for (const std::string &served : program.phases()) {
      phases.push_back(served);
      if (served == phase)
        return program;
    }
  }
  if (shapes.empty())
    failInput("the plan has no program to probe: compile it with --probe=",
              batch, "x", seq);
  if (phases.empty())
    failInput("the plan has programs to probe ", shapes.front(), ", not ",
              batch, "x", seq, ": compile it with --probe=", batch, "x", seq);
  failInput("the plan has no phase '", phase, "'", didYouMean(phase, phases),
            "; phase ", phases.front(), " is there");
}

// Plans made with --hold-stop-gradients keep a second copy of the weights, from
// which stop_gradient takes its argument.
static void useAsBase(Executor &executor) {
  for (const plan::Parameter &parameter : executor.plan().parameters())
    for (const plan::State &state : executor.plan().states())
      if (state.name() == parameter.name() + ":base") {
        int64_t elements = 1;
        for (int64_t size : parameter.shape())
          elements *= size;
        executor.device().copy(executor.address(state.slot()),
                               executor.address(parameter.slot()),
                               elements * typeBytes(parameter.type()));
      }
}

int runProbe(const std::vector<std::string> &arguments) {
  std::string weights, tokensPath, phase = "plain", out, device = "cpu";
  int64_t batch = 0, seq = 0, threads = 0;
  bool help = false;
  const std::string usage =
      "pgrt probe PLAN --weights W.safetensors --tokens T.bin --batch B --seq "
      "T --phase PHASE -o OUT.safetensors";
  OptionTable table(
      usage, "One forward and backward on the first B·T+1 tokens of a shard: "
             "writes loss, logits and "
             "grad.<parameter>.\nThe plan must be compiled with --probe=BxT.");
  table.text("--weights", "W", "the parameters, as safetensors", weights);
  table.text("--tokens", "T.bin", "a shard of tokens", tokensPath);
  table.integer("--batch", "B", "sequences", batch, 1, 1 << 30);
  table.integer("--seq", "T", "tokens a sequence", seq, 1, 1 << 30);
  table.text("--phase", "PHASE",
             "plain (the default), or the switches that are on, as looped",
             phase);
  table.text("-o", "OUT", "the file to write", out);
  table.integer("--threads", "N", "threads (one for each processor)", threads,
                1, 1024);
  table.text("--device", "D", "cpu, cuda, or cuda:N (cpu)", device);
  table.flag("--help", "print this", help);
  std::vector<std::string> files = table.parse(arguments);
  if (help) {
    std::printf("%s", table.help().c_str());
    return 0;
  }
  if (files.size() != 1 || weights.empty() || tokensPath.empty() || !batch ||
      !seq || out.empty())
    failUsage("something is missing: ", usage);

  std::unique_ptr<LoadedPlan> loaded = loadPlan(files[0], deviceKind(device));
  const plan::Plan &plan = loaded->plan;
  const plan::Program &program = probeProgram(plan, batch, seq, phase);
  SafetensorsFile weightFile(weights);
  Shard shard(tokensPath);
  int64_t count = batch * seq;
  if (shard.tokens() < count + 1)
    failInput("'", tokensPath, "' has ", shard.tokens(), " tokens, ", count + 1,
              " are needed");
  std::vector<int64_t> tokens(static_cast<size_t>(count + 1));
  shard.read(0, count + 1, plan.vocab(), tokens.data());

  std::unique_ptr<Device> opened = openDevice(device, threads);
  Executor executor(plan, *opened);
  initialiseStates(executor, 0);
  loadWeights(executor, weightFile);
  useAsBase(executor);
  std::vector<double> scalars = evaluateScalars(plan, 0, 0);
  if (const plan::Program *prepare = findProgram(plan, "prepare"))
    executor.run(*prepare, scalars);
  executor.writePort(*findPort(program.inputs(), "tokens"), tokens.data());
  executor.writePort(*findPort(program.inputs(), "targets"), tokens.data() + 1);
  executor.run(program, scalars);

  std::vector<float> loss =
      readFloats(executor, *findPort(program.outputs(), "loss"));
  std::vector<float> logits =
      readFloats(executor, *findPort(program.outputs(), "logits"));
  std::vector<TensorSource> tensors = {
      {{"loss", "F32", {1}}, loss.data()},
      {{"logits", "F32", {batch, seq, plan.vocab()}}, logits.data()}};
  saveWeights(executor, WeightKind::Gradients, out, /*asFloat=*/true, tensors);
  return 0;
}

} // namespace pgrt
