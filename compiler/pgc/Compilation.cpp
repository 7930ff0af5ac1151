#include "compiler/pgc/Compilation.h"
#include "compiler/frontend/Frontend.h"
#include "compiler/pgc/DeviceCompilation.h"
#include "dialects/pg/Pg.h"
#include "dialects/sched/Sched.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "runtime/plan/PlanFile.h"
#include "runtime/support/AtomicFile.h"
#include "runtime/support/Error.h"

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
    frontend.doubles = options.numerics == "f64";
    program = loadProgram(frontend, context, diagnostics);
    if (!program)
      return ExitCode::Input;
    if (options.emit == Emit::Ast)
      return writeText(program->source());
    for (std::vector<Target> &group : groups)
      devices.push_back(std::make_unique<DeviceCompilation>(
          options, *program, context, std::move(group), diagnostics));
    // What is printed is the first device's; PTX that of a GPU.
    DeviceCompilation &shown = **llvm::find_if(devices, [&](auto &device) {
      return options.emit != Emit::Ptx || device->isGpu();
    });
    for (auto &device : devices) {
      if (options.emit != Emit::Plan && device.get() != &shown)
        continue;
      if (ExitCode code = device->emitModule(); code != ExitCode::Success)
        return code;
      if (options.emit == Emit::Pg)
        break;
      if (ExitCode code = device->runPasses(); code != ExitCode::Success)
        return code;
    }
    switch (options.emit) {
    case Emit::Pg:
    case Emit::Sched:
      return writeModule(shown.getModule());
    case Emit::Kernels: {
      OwningOpRef<ModuleOp> kernels = shown.makeKernels();
      return kernels ? writeModule(*kernels) : ExitCode::Input;
    }
    case Emit::Asm:
    case Emit::Ptx: {
      std::optional<std::string> text = shown.makeAssembly();
      return text ? writeText(*text) : ExitCode::Input;
    }
    default:
      return writePlan();
    }
  }

private:
  ExitCode fail(ExitCode code, const Twine &message) {
    diagnostics << "pgc: error: " << message << '\n';
    return code;
  }

  /// The targets, those of each device together, in the order of the first.
  ExitCode findTargets() {
    for (const std::string &name : options.targets) {
      std::string error;
      FailureOr<Target> target = getTarget(name, error);
      if (failed(target))
        return fail(name == "native" ? ExitCode::Machine : ExitCode::Usage,
                    error);
      auto group = llvm::find_if(groups, [&](const auto &others) {
        return others.front().isGpu() == target->isGpu();
      });
      if (group == groups.end())
        groups.push_back({*target});
      else
        group->push_back(*target);
    }
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

  ExitCode writePlan() {
    pgrt::plan::Plan plan;
    for (auto &device : devices) {
      pgrt::plan::Plan &part =
          device == devices.front() ? plan : *plan.add_devices();
      part.set_producer(versionText().str());
      part.set_model_name(program->name().str());
      part.set_source(program->source());
      part.set_vocab(program->vocabulary());
      if (ExitCode code = device->addTo(part); code != ExitCode::Success)
        return code;
    }
    std::string bytes = pgrt::framePlan(plan);
    if (bytes.empty())
      return fail(ExitCode::Input,
                  "the plan would be larger than a plan may be");
    std::string path = options.output.empty() ? program->name().str() + ".plan"
                                              : options.output;
    if (ExitCode code = writeFile(path, bytes); code != ExitCode::Success)
      return code;
    if (options.report.empty())
      return ExitCode::Success;
    auto code = llvm::map_to_vector(
        devices, [](const auto &device) { return device->getCode(); });
    return writeFile(options.report,
                     makeReport(plan, *program, code, diagnostics.text));
  }

  const Options &options;
  RecordingStream diagnostics;
  MLIRContext context;
  std::vector<std::vector<Target>> groups;
  std::unique_ptr<Program> program;
  std::vector<std::unique_ptr<DeviceCompilation>> devices;
};

} // namespace

ExitCode compile(const Options &options, llvm::raw_ostream &diagnostics) {
  return Compilation(options, diagnostics).run();
}

} // namespace pgc
