#include "compiler/pgc/Options.h"
#include "runtime/cli/Options.h"
#include "runtime/plan/Numerics.h"
#include "runtime/support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using llvm::StringRef;
using pgrt::failUsage;

namespace pgc {

StringRef versionText() { return "pgc 0.1.0"; }

static void setTargets(Options &options, StringRef list) {
  llvm::SmallVector<StringRef> names;
  list.split(names, ',');
  for (StringRef name : names) {
    if (llvm::is_contained(options.targets, name))
      failUsage("--target lists '", name.str(), "' twice");
    options.targets.push_back(name.str());
  }
}

static void setNumerics(Options &options, StringRef name) {
  if (!pgrt::isNumerics(name))
    failUsage("--numerics is autocast, bf16, f32 or f64, not '", name.str(),
              "'");
  options.numerics = name.str();
}

static void setOnly(Options &options, StringRef what) {
  if (what != "evaluate")
    failUsage("--only is evaluate, not '", what.str(), "'");
  options.evaluateOnly = true;
}

static void setProbe(Options &options, StringRef text) {
  auto [batch, seq] = text.split('x');
  BatchShape shape;
  if (batch.getAsInteger(10, shape.batch) || seq.getAsInteger(10, shape.seq) ||
      shape.batch < 1 || shape.seq < 1)
    failUsage("--probe needs BxT, as 2x64: sequences and tokens in each, not '",
              text.str(), "'");
  options.probe = shape;
}

static void setEmit(Options &options, StringRef what) {
  static constexpr std::pair<StringRef, Emit> words[] = {
      {"plan", Emit::Plan},   {"ast", Emit::Ast},         {"pg", Emit::Pg},
      {"sched", Emit::Sched}, {"kernels", Emit::Kernels}, {"asm", Emit::Asm},
      {"ptx", Emit::Ptx}};
  for (auto [word, emit] : words)
    if (what == word) {
      options.emit = emit;
      return;
    }
  failUsage("--emit is ast, pg, sched, kernels, asm or ptx, not '", what.str(),
            "'");
}

/// The command line, whose options set those of `options`.
static pgrt::OptionTable makeTable(Options &options) {
  pgrt::OptionTable table(
      "pgc MODEL.pgm [-o OUT.plan] [options]",
      "Compiles a model and its training, a .pgm file, to a plan that pgrt "
      "runs.\n"
      "Exit status: 0 success, 1 the model is at fault, 2 wrong usage, 3 the "
      "machine is.");
  // An option that a function of this file reads.
  auto add = [&](const char *name, const char *argument, const char *help,
                 void (*set)(Options &, StringRef)) {
    table.add({name, argument, help, [&options, set](const std::string &value) {
                 set(options, value);
               }});
  };
  table.text("-o", "FILE",
             "the plan (default: the model's name with .plan, in this folder)",
             options.output);
  add("-D", "NAME=VALUE",
      "override a constant that the model declares with 'let' (repeatable)",
      [](Options &options, StringRef value) {
        options.defines.push_back(value.str());
      });
  add("--target", "LIST",
      "processors to generate code for: native, x86-64-v3, x86-64-v4,\n"
      "x86-64-v4+bf16, sm_90a (default: native; a plan can hold several,\n"
      "separated by commas; pgrt runs that of the first one's kind unless\n"
      "--device names the other)",
      setTargets);
  add("--numerics", "N",
      "autocast, bf16, f32 or f64 (default: autocast on a GPU; else bf16 "
      "where\n"
      "a plan's first target has it in hardware, else f32)",
      setNumerics);
  add("--probe", "BxT",
      "add programs for 'pgrt probe': B sequences of T tokens", setProbe);
  table.flag("--hold-stop-gradients",
             "in those programs stop_gradient(x) takes x from the states\n"
             "'<parameter>:base': for checking gradients by finite differences",
             options.holdStopGradients);
  add("--only", "evaluate",
      "the programs that evaluate alone: no training, no quantising", setOnly);
  table.integer("--micro-batch", "N",
                "sequences that go forward and backward at once (default:\n"
                "chosen; the result differs in rounding only)",
                options.microBatch, 1);
  table.integer(
      "--score-batch", "N",
      "windows that are scored at once (default: as many as keep the\n"
      "device busy, but no more tokens than a training step has; the\n"
      "last run of an evaluation takes as long as a full one)",
      options.scoreBatch, 1);
  add("--emit", "WHAT",
      "print instead of a plan: ast (the flattened .pgm), pg, sched,\n"
      "kernels (MLIR), asm, ptx (of target sm_90a); to stdout, or to the\n"
      "file of -o",
      setEmit);
  table.text("--report", "FILE.json",
             "parameters, memory by arena, FLOPs and bytes of each program,\n"
             "kernels, warnings, for each device; for sm_90a also predicted\n"
             "times, as 'pgrt inspect PLAN --time' prints them",
             options.report);
  table.integer("--threads", "N",
                "threads that generate code (default: one a processor)",
                options.threads, 1);
  table.flag("-Werror", "treat warnings as errors", options.warningsAsErrors);
  table.flag("--help",
             "print this; --mlir-… are MLIR's own flags, such as\n"
             "--mlir-print-ir-after-all and --mlir-timing",
             options.help);
  table.flag("--version", "print the version", options.version);
  return table;
}

std::string helpText() {
  Options unused;
  return makeTable(unused).help();
}

static void parse(Options &options, std::vector<std::string> arguments) {
  auto isMlirs = [](StringRef argument) {
    return argument.starts_with("--mlir-") || argument.starts_with("-mlir-");
  };
  llvm::copy_if(arguments, std::back_inserter(options.mlirFlags), isMlirs);
  llvm::erase_if(arguments, isMlirs);
  std::vector<std::string> models = makeTable(options).parse(arguments);
  if (options.help || options.version)
    return;
  if (models.empty())
    failUsage("no model is given: pgc MODEL.pgm -o OUT.plan");
  if (models.size() > 1)
    failUsage("two models are given, '", models[0], "' and '", models[1],
              "': one plan is one model");
  options.model = models[0];
  if (options.evaluateOnly && options.probe)
    failUsage("--only=evaluate leaves out what --probe asks for");
  if (options.targets.empty())
    options.targets = {"native"};
  if (options.emit == Emit::Ptx &&
      !llvm::is_contained(options.targets, "sm_90a"))
    failUsage("--emit=ptx needs --target=sm_90a");
}

std::optional<Options> parseOptions(llvm::ArrayRef<StringRef> arguments,
                                    std::string &error) {
  Options options;
  try {
    parse(options, {arguments.begin(), arguments.end()});
    return options;
  } catch (const pgrt::Error &fault) {
    error = fault.what();
    return std::nullopt;
  }
}

} // namespace pgc
