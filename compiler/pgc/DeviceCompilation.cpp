// Modules, passes and code of one device.
#include "compiler/pgc/DeviceCompilation.h"
#include "compiler/gpu/GpuCodegen.h"
#include "compiler/kernels/Codegen.h"
#include "compiler/pgc/AllPasses.h"
#include "compiler/pgc/Batches.h"
#include "compiler/plan/PlanWriter.h"
#include "dialects/sched/Sched.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

namespace pgc {

DeviceCompilation::DeviceCompilation(const Options &options, Program &program,
                                     MLIRContext &context,
                                     std::vector<Target> targets,
                                     llvm::raw_ostream &diagnostics)
    : options(options), program(program), context(context),
      targets(std::move(targets)), diagnostics(diagnostics),
      tokens(isGpu() ? gpuTokens : cpuTokens) {
  numerics = !options.numerics.empty()             ? options.numerics
             : isGpu()                             ? "autocast"
             : this->targets.front().prefersBf16() ? "bf16"
                                                   : "f32";
}

ExitCode DeviceCompilation::fail(ExitCode code, const Twine &message) {
  diagnostics << "pgc: error: " << message << '\n';
  return code;
}

ExitCode DeviceCompilation::emitModule() {
  const TrainSettings &train = program.train();
  evaluations = requestEvaluations(program, options.scoreBatch,
                                   isGpu() ? gpuScoreTokens : cpuScoreTokens);
  microBatch = chooseMicroBatch(program, options.microBatch, tokens);
  if (microBatch == 0)
    return fail(ExitCode::Usage,
                !program.leastMicroBatch()
                    ? Twine("--micro-batch cannot split a part: the loss "
                            "joins its sequences")
                : train.sequencesPerPart() % options.microBatch
                    ? "--micro-batch=" + Twine(options.microBatch) +
                          " does not divide the " +
                          Twine(train.sequencesPerPart()) +
                          " sequences of a part"
                    : "--micro-batch=" + Twine(options.microBatch) +
                          ": a term of the loss reads the first " +
                          Twine(*program.leastMicroBatch()) +
                          " sequences of a part together");
  std::vector<EmitRequest> requests;
  for (const Phase &phase : program.phases()) {
    if (phase.trains && !options.evaluateOnly) {
      requests.push_back({EmitRequest::Role::Forward, phase.name, microBatch,
                          train.seq, false, ""});
      requests.back().micros = train.sequencesPerPart() / microBatch;
      requests.push_back(
          {EmitRequest::Role::Update, phase.name, 1, 1, false, ""});
    }
    if (options.probe)
      requests.push_back({EmitRequest::Role::Forward, phase.name,
                          options.probe->batch, options.probe->seq, true,
                          "probe." + phase.name});
  }
  llvm::append_range(requests, evaluations.requests);
  if (program.quantizes())
    requests.push_back({EmitRequest::Role::Decode, "", 1, 1, false, ""});
  if (program.quantizes() && !options.evaluateOnly)
    requests.push_back({EmitRequest::Role::Quantize, "", 1, 1, false, ""});
  if (program.calibrationBatches() > 0 && !options.evaluateOnly)
    requests.push_back({EmitRequest::Role::Capture, "",
                        captureBatch(program, tokens), train.seq, false, ""});
  module = program.emit(context, requests, diagnostics);
  if (!module)
    return ExitCode::Input;
  double micros = double(train.sequencesPerPart()) / microBatch;
  module->walk([&](func::FuncOp func) {
    auto role = func->getAttrOfType<StringAttr>("pg.role");
    if (!role || role != "forward")
      return;
    bool probes = func.getSymName().starts_with("probe.");
    if (probes && options.holdStopGradients)
      func->setAttr("pg.hold_stop_gradients", UnitAttr::get(&context));
    func->setAttr("pg.seed",
                  FloatAttr::get(Float64Type::get(&context),
                                 probes ? 1 : 1 / (micros * train.parts)));
  });
  return ExitCode::Success;
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

/// Memory that a GPU's plan may take, of the 80 GB of an H100: the rest is for
/// communication and libraries.
static constexpr int64_t gpuMemory = int64_t(39) << 30;

int64_t DeviceCompilation::countMemory() {
  int64_t bytes = 0;
  for (auto arena : module->getOps<pg::sched::ArenaOp>())
    if (arena.getSymName() != "gradients.other")
      bytes += arena.getBytes() * (arena.getSymName() == "gradients"
                                       ? countGradients(program.train().parts)
                                       : 1);
  return bytes;
}

ExitCode DeviceCompilation::runPasses() {
  PipelineOptions pipeline;
  pipeline.numerics = numerics;
  if (isGpu()) {
    pipeline.packWeights = false;
    pipeline.mergeProducts = true;
    pipeline.stackMatrices = true;
    pipeline.keepFactors = true;
    pipeline.maxSources = 2;
    // A block of logits of 1 GiB has rows for all processors; of 2 GiB, where
    // they are bf16, there are fewer launches.
    int64_t numbers = int64_t(1) << (numerics == "autocast" ? 30 : 28);
    pipeline.headRows = std::max<int64_t>(
        128, llvm::alignDown(numbers / program.vocabulary(), 128));
  }
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context, diagnostics);
  while (true) {
    PassManager passes(&context);
    if (failed(applyPassManagerCLOptions(passes)))
      return ExitCode::Usage;
    applyDefaultTimingPassManagerCLOptions(passes);
    addAllPasses(passes, pipeline, isGpu());
    if (failed(passes.run(*module)))
      return fail(ExitCode::Input, "cannot compile '" + options.model + "'");
    if (!isGpu() || options.microBatch != 0 || microBatch == 1 ||
        options.evaluateOnly || countMemory() <= gpuMemory)
      break;
    int64_t before = microBatch;
    tokens = (microBatch - 1) * program.train().seq;
    if (ExitCode code = emitModule(); code != ExitCode::Success)
      return code;
    if (microBatch == before)
      return fail(ExitCode::Input,
                  "a part needs more memory than a GPU has, and cannot be "
                  "split: the loss joins its sequences");
  }
  module->walk([](pg::sched::ProgramOp op) {
    if (op.getSymName().starts_with("probe."))
      op.setRole("probe");
  });
  return ExitCode::Success;
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

OwningOpRef<ModuleOp> DeviceCompilation::makeKernels() {
  OwningOpRef<ModuleOp> out = ModuleOp::create(module->getLoc());
  for (auto kernel : module->getOps<pg::sched::KernelOp>()) {
    if (isGpu() && !kernel.getGpu())
      continue;
    if (failed(isGpu() ? emitGpuKernel(kernel, targets.front(), *out)
                       : emitKernel(kernel, targets.front(), *out))) {
      fail(ExitCode::Input,
           "cannot generate code for kernel '" + kernel.getSymName() + "'");
      return nullptr;
    }
  }
  return out;
}

std::optional<std::string> DeviceCompilation::makeAssembly() {
  std::string text;
  for (const Target &target : targets) {
    FailureOr<std::string> assembly = failure();
    if (isGpu()) {
      FailureOr<GpuCode> code = compileGpuKernels(
          *module, target, options.threads, /*assemble=*/false);
      if (succeeded(code))
        assembly = code->ptx;
    } else {
      assembly =
          compileKernels(*module, target, options.threads, /*assembly=*/true);
    }
    if (failed(assembly)) {
      fail(ExitCode::Input,
           "cannot generate code for target '" + target.name + "'");
      return std::nullopt;
    }
    text += *assembly;
  }
  return text;
}

ExitCode DeviceCompilation::addGpuCode(pgrt::plan::Plan &plan) {
  const Target &target = targets.front();
  FailureOr<GpuCode> code = compileGpuKernels(*module, target, options.threads);
  if (failed(code))
    return fail(ExitCode::Machine,
                "cannot generate code for target '" + target.name + "'");
  std::vector<std::string> flaws = findFlaws(*module, *code);
  for (const std::string &flaw : flaws)
    diagnostics << "pgc: " << (options.warningsAsErrors ? "error" : "warning")
                << ": " << flaw << '\n';
  if (options.warningsAsErrors && !flaws.empty())
    return ExitCode::Input;
  pgrt::plan::Code *section = plan.add_code();
  section->set_target(target.name);
  section->set_object(code->cubin);
  section->set_ptx(code->ptx);
  compiled.push_back({target, {}, std::move(code->resources)});
  return ExitCode::Success;
}

ExitCode DeviceCompilation::addCode(pgrt::plan::Plan &plan) {
  if (isGpu())
    return addGpuCode(plan);
  for (const Target &target : targets) {
    FailureOr<std::string> object = compileKernels(
        *module, target, options.threads, /*assembly=*/false,
        &compiled.emplace_back(TargetCode{target, {}, {}}).frames);
    if (failed(object))
      return fail(ExitCode::Machine,
                  "cannot generate code for target '" + target.name + "'");
    pgrt::plan::Code *code = plan.add_code();
    code->set_target(target.name == "native" ? "native:" + target.cpu
                                             : target.name);
    code->set_object(*object);
    // One rank for each step in what the processor must have; code for this
    // very processor is preferred.
    code->set_rank((target.vectorBits / 256) * 4 + (target.bf16Dot ? 2 : 0) +
                   (target.name == "native"));
    for (StringRef feature :
         {"avx2", "fma", "bmi", "bmi2", "f16c", "lzcnt", "movbe"})
      code->add_features(feature.str());
    if (target.vectorBits == 512)
      for (StringRef feature :
           {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"})
        code->add_features(feature.str());
    if (target.bf16Dot)
      code->add_features("avx512bf16");
  }
  return ExitCode::Success;
}

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

void DeviceCompilation::addTraining(pgrt::plan::Plan &plan) {
  const TrainSettings &train = program.train();
  pgrt::plan::Training *training = plan.mutable_training();
  training->set_data(train.dataName);
  training->set_seq(train.seq);
  training->set_order(train.order);
  training->set_batch_tokens(train.batchTokens);
  training->set_parts(train.parts);
  training->set_micro_batch(microBatch);
  training->set_seconds(train.seconds);
  training->set_reserve(train.reserve);
  training->set_steps(train.steps);
  for (const std::string &name : program.switches())
    training->add_switches()->set_name(name);
}

ExitCode DeviceCompilation::addTo(pgrt::plan::Plan &plan) {
  plan.set_numerics(numerics);
  if (!options.evaluateOnly) {
    addTraining(plan);
    if (program.quantizes())
      plan.mutable_quantization()->set_batches(program.calibrationBatches());
  }
  llvm::StringMap<uint32_t> programs;
  if (failed(addToPlan(*module, plan, programs)))
    return fail(ExitCode::Input,
                "cannot write a plan of '" + options.model + "'");
  addEvaluations(program, evaluations.programs, programs, plan);
  return addCode(plan);
}

} // namespace pgc
