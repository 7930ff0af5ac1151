// pgc: compiles a .pgm file to a plan.
#include "compiler/passes/Passes.h"
#include "compiler/passes/fusion/FusionPasses.h"
#include "compiler/passes/schedule/SchedulePasses.h"
#include "compiler/pgc/Compilation.h"
#include "compiler/pgc/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  std::string error;
  std::vector<llvm::StringRef> arguments(argv + 1, argv + argc);
  std::optional<pgc::Options> options = pgc::parseOptions(arguments, error);
  if (!options) {
    llvm::errs() << "pgc: error: " << error << '\n';
    return int(pgc::ExitCode::Usage);
  }
  if (options->help || options->version) {
    llvm::outs() << (options->help ? pgc::helpText()
                                   : pgc::versionText().str() + '\n');
    return int(pgc::ExitCode::Success);
  }
  // MLIR's flags name passes.
  mlir::registerTransformsPasses();
  pgc::registerModelPasses();
  pgc::registerFusionPasses();
  pgc::registerSchedulePasses();
  pgc::registerCodegenPasses();
  mlir::registerPassManagerCLOptions();
  mlir::registerDefaultTimingManagerCLOptions();
  std::vector<const char *> flags{argv[0]};
  for (const std::string &flag : options->mlirFlags)
    flags.push_back(flag.c_str());
  if (!llvm::cl::ParseCommandLineOptions(flags.size(), flags.data(), "",
                                         &llvm::errs()))
    return int(pgc::ExitCode::Usage);
  return int(pgc::compile(*options, llvm::errs()));
}
