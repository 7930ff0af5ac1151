#include "compiler/pgc/Compilation.h"
#include "compiler/frontend/Frontend.h"
#include "compiler/kernels/Codegen.h"
#include "compiler/pgc/AllPasses.h"
#include "compiler/pgc/Batches.h"
#include "compiler/pgc/Evaluations.h"
#include "compiler/pgc/Report.h"
#include "compiler/plan/PlanWriter.h"
#include "compiler/target/Target.h"
#include "dialects/pg/Pg.h"
#include "dialects/sched/Sched.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "runtime/plan/PlanFile.h"
#include "runtime/support/AtomicFile.h"
#include "runtime/support/Error.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

namespace pgc {
namespace {

/// Passes on what is written to it, and keeps a copy.
class RecordingStream : public llvm::raw_ostream {
public:
  explicit RecordingStream(llvm::raw_ostream &out) : out(out) {
    SetUnbuffered();
  }
  std::string text;

private:
  void write_impl(const char *data, size_t size) override {
    out.write(data, size);
    text.append(data, size);
  }
  uint64_t current_pos() const override { return text.size(); }
  llvm::raw_ostream &out;
};

class Compilation {
public:
  Compilation(const Options &options, llvm::raw_ostream &out)
      : options(options), diagnostics(out) {
    context.getOrLoadDialect<pg::PgDialect>();
    context.getOrLoadDialect<pg::sched::SchedDialect>();
    context.getOrLoadDialect<func::FuncDialect>();
    context.getOrLoadDialect<arith::ArithDialect>();
    context.getOrLoadDialect<math::MathDialect>();
  }

  ExitCode run() {
    if (ExitCode code = findTargets(); code != ExitCode::Success)
      return code;
    FrontendOptions frontend;
    frontend.file = options.model;
    frontend.defines = options.defines;
    frontend.color = diagnostics.has_colors();
    frontend.warningsAsErrors = options.warningsAsErrors;
    program = loadProgram(frontend, context, diagnostics);
    if (!program)
      return ExitCode::Input;
    if (options.emit == Emit::Ast)
      return writeText(program->source());
    if (ExitCode code = emitModule(); code != ExitCode::Success)
      return code;
    if (options.emit == Emit::Pg)
      return writeModule(*module);
    llvm::SourceMgr sources;
    SourceMgrDiagnosticHandler handler(sources, &context, diagnostics);
    if (ExitCode code = runPasses(); code != ExitCode::Success)
      return code;
    if (options.emit == Emit::Sched)
      return writeModule(*module);
    if (options.emit == Emit::Kernels)
      return writeKernels();
    if (options.emit == Emit::Asm)
      return writeAssembly();
    return writePlan();
  }

private:
  ExitCode fail(ExitCode code, const Twine &message) {
    diagnostics << "pgc: error: " << message << '\n';
    return code;
  }

  ExitCode findTargets() {
    for (const std::string &name : options.targets) {
      std::string error;
      FailureOr<Target> target = getTarget(name, error);
      if (failed(target))
        return fail(name == "native" ? ExitCode::Machine : ExitCode::Usage,
                    error);
      targets.push_back(*target);
    }
    numerics = !options.numerics.empty() ? options.numerics
               : targets.front().bf16Dot ? "bf16"
                                         : "f32";
    return ExitCode::Success;
  }

  /// Has the front end emit all functions of the plan, and notes what passes
  /// and plan need to know of them.
  ExitCode emitModule() {
    const TrainSettings &train = program->train();
    evaluations = requestEvaluations(*program);
    microBatch = chooseMicroBatch(*program, options.microBatch);
    if (microBatch == 0)
      return fail(ExitCode::Usage,
                  program->lossSplitsBySequence()
                      ? "--micro-batch=" + Twine(options.microBatch) +
                            " does not divide the " +
                            Twine(train.sequencesPerPart()) +
                            " sequences of a part"
                      : Twine("--micro-batch cannot split a part: the loss "
                              "joins its sequences"));
    std::vector<EmitRequest> requests;
    for (const Phase &phase : program->phases()) {
      if (phase.trains && !options.evaluateOnly) {
        requests.push_back({EmitRequest::Role::Forward, phase.name, microBatch,
                            train.seq, false, ""});
        requests.push_back(
            {EmitRequest::Role::Update, phase.name, 1, 1, false, ""});
      }
      if (options.probe)
        requests.push_back({EmitRequest::Role::Forward, phase.name,
                            options.probe->batch, options.probe->seq, true,
                            "probe." + phase.name});
    }
    llvm::append_range(requests, evaluations.requests);
    if (program->quantizes())
      requests.push_back({EmitRequest::Role::Decode, "", 1, 1, false, ""});
    if (program->quantizes() && !options.evaluateOnly)
      requests.push_back({EmitRequest::Role::Quantize, "", 1, 1, false, ""});
    if (program->calibrationBatches() > 0 && !options.evaluateOnly)
      requests.push_back(
          {EmitRequest::Role::Capture, "", microBatch, train.seq, false, ""});
    module = program->emit(context, requests, diagnostics);
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

  ExitCode runPasses() {
    PassManager passes(&context);
    if (failed(applyPassManagerCLOptions(passes)))
      return ExitCode::Usage;
    applyDefaultTimingPassManagerCLOptions(passes);
    addAllPasses(passes, numerics);
    if (failed(passes.run(*module)))
      return fail(ExitCode::Input, "cannot compile '" + options.model + "'");
    module->walk([](pg::sched::ProgramOp op) {
      if (op.getSymName().starts_with("probe."))
        op.setRole("probe");
    });
    return ExitCode::Success;
  }

  //===------------------------------------------------------------------===//
  // Results
  //===------------------------------------------------------------------===//

  ExitCode writeFile(const std::string &path, StringRef bytes) {
    try {
      pgrt::writeFileAtomically(path,
                                std::string_view(bytes.data(), bytes.size()));
      return ExitCode::Success;
    } catch (const pgrt::Error &error) {
      return fail(error.code == pgrt::ExitCode::Machine ? ExitCode::Machine
                                                        : ExitCode::Input,
                  error.what());
    }
  }

  ExitCode writeText(StringRef text) {
    if (!options.output.empty() && options.output != "-")
      return writeFile(options.output, text);
    llvm::outs() << text;
    llvm::outs().flush();
    return ExitCode::Success;
  }

  ExitCode writeModule(ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream os(text);
    module.print(os, OpPrintingFlags().elideLargeElementsAttrs(64));
    os << '\n';
    return writeText(text);
  }

  ExitCode writeKernels() {
    OwningOpRef<ModuleOp> out = ModuleOp::create(module->getLoc());
    for (auto kernel : module->getOps<pg::sched::KernelOp>())
      if (failed(emitKernel(kernel, targets.front(), *out)))
        return fail(ExitCode::Input, "cannot generate code for kernel '" +
                                         kernel.getSymName() + "'");
    return writeModule(*out);
  }

  ExitCode writeAssembly() {
    std::string text;
    for (const Target &target : targets) {
      FailureOr<std::string> assembly =
          compileKernels(*module, target, options.threads, /*assembly=*/true);
      if (failed(assembly))
        return fail(ExitCode::Input,
                    "cannot generate code for target '" + target.name + "'");
      text += *assembly;
    }
    return writeText(text);
  }

  ExitCode addCode(pgrt::plan::Plan &plan) {
    for (const Target &target : targets) {
      FailureOr<std::string> object =
          compileKernels(*module, target, options.threads, /*assembly=*/false,
                         &compiled.emplace_back(TargetCode{target, {}}).frames);
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

  void addTraining(pgrt::plan::Plan &plan) {
    const TrainSettings &train = program->train();
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
    for (const std::string &name : program->switches())
      training->add_switches()->set_name(name);
  }

  ExitCode writePlan() {
    pgrt::plan::Plan plan;
    plan.set_producer(versionText().str());
    plan.set_model_name(program->name().str());
    plan.set_source(program->source());
    plan.set_numerics(numerics);
    plan.set_vocab(program->vocabulary());
    if (!options.evaluateOnly) {
      addTraining(plan);
      if (program->quantizes())
        plan.mutable_quantization()->set_batches(program->calibrationBatches());
    }
    llvm::StringMap<uint32_t> programs;
    if (failed(addToPlan(*module, plan, programs)))
      return fail(ExitCode::Input,
                  "cannot write a plan of '" + options.model + "'");
    addEvaluations(*program, evaluations.programs, programs, plan);
    if (ExitCode code = addCode(plan); code != ExitCode::Success)
      return code;
    std::string bytes = pgrt::framePlan(plan);
    if (bytes.empty())
      return fail(ExitCode::Input,
                  "the plan would be larger than a plan may be");
    std::string path = options.output.empty() ? program->name().str() + ".plan"
                                              : options.output;
    if (ExitCode code = writeFile(path, bytes); code != ExitCode::Success)
      return code;
    if (!options.report.empty())
      return writeFile(options.report,
                       makeReport(plan, *program, compiled, diagnostics.text));
    return ExitCode::Success;
  }

  const Options &options;
  RecordingStream diagnostics;
  MLIRContext context;
  std::vector<Target> targets;
  std::vector<TargetCode> compiled;
  std::string numerics;
  std::unique_ptr<Program> program;
  OwningOpRef<ModuleOp> module;
  EvaluationRequests evaluations;
  int64_t microBatch = 0;
};

} // namespace

ExitCode compile(const Options &options, llvm::raw_ostream &diagnostics) {
  return Compilation(options, diagnostics).run();
}

} // namespace pgc
