#include "compiler/pgc/Options.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using llvm::StringRef;

namespace pgc {

StringRef helpText() {
  return R"(pgc compiles a model and its training, a .pgm file, to a plan that pgrt runs.

usage: pgc MODEL.pgm [-o OUT.plan] [options]

  -o FILE               the plan (default: the model's name with .plan, in this folder)
  -D NAME=VALUE         override a constant that the model declares with 'let' (repeatable)
  --target=LIST         processors to generate code for: native, x86-64-v3, x86-64-v4, x86-64-v4+bf16, sm_90a
                        (default: native; a plan can hold several, separated by commas; pgrt runs that of the
                        first one's kind unless --device names the other)
  --numerics=N          bf16, f32 or f64 (default: bf16 where a plan's first target has it in hardware, else f32)
  --probe=BxT           add programs for 'pgrt probe': B sequences of T tokens
  --hold-stop-gradients in those programs stop_gradient(x) takes x from the states '<parameter>:base':
                        for checking gradients by finite differences
  --only=evaluate       the programs that evaluate alone: no training, no quantising
  --micro-batch=N       sequences that go forward and backward at once (default: chosen; the result
                        differs in rounding only)
  --emit=WHAT           print instead of a plan: ast (the flattened .pgm), pg, sched, kernels (MLIR),
                        asm, ptx (of target sm_90a); to stdout, or to the file of -o
  --report=FILE.json    parameters, memory by arena, FLOPs and bytes of each program, kernels, warnings;
                        for sm_90a also predicted times, as 'pgrt inspect PLAN --time' prints them
  --threads=N           threads that generate code (default: one a processor)
  -Werror               treat warnings as errors
  --mlir-...            MLIR's own flags, such as --mlir-print-ir-after-all and --mlir-timing
  --help, --version

Exit status: 0 success, 1 the model is at fault, 2 wrong usage, 3 the machine is.
)";
}

StringRef versionText() { return "pgc 0.1.0"; }

namespace {

/// Walks over the arguments; options take values as "--name=value", "--name
/// value", and short ones also "-nvalue".
class ArgumentParser {
public:
  ArgumentParser(llvm::ArrayRef<StringRef> arguments, std::string &error)
      : arguments(arguments), error(error) {}

  std::optional<Options> parse() {
    while (next < arguments.size() && error.empty())
      parseOne(arguments[next++]);
    if (error.empty() && !options.help && !options.version &&
        options.model.empty())
      error = "no model is given: pgc MODEL.pgm -o OUT.plan";
    if (error.empty() && options.evaluateOnly && options.probe)
      error = "--only=evaluate leaves out what --probe asks for";
    if (options.targets.empty())
      options.targets = {"native"};
    if (error.empty() && options.emit == Emit::Ptx &&
        !llvm::is_contained(options.targets, "sm_90a"))
      error = "--emit=ptx needs --target=sm_90a";
    return error.empty() ? std::optional(options) : std::nullopt;
  }

private:
  void fail(const llvm::Twine &message) {
    if (error.empty())
      error = message.str();
  }

  /// The value of a long option, if `argument` is that option.
  std::optional<StringRef> longValue(StringRef argument, StringRef name) {
    if (!argument.consume_front(name))
      return std::nullopt;
    if (argument.consume_front("="))
      return argument;
    if (!argument.empty())
      return std::nullopt;
    return nextValue(name);
  }

  std::optional<StringRef> shortValue(StringRef argument, StringRef name) {
    if (!argument.consume_front(name))
      return std::nullopt;
    return argument.empty() ? nextValue(name) : argument;
  }

  StringRef nextValue(StringRef name) {
    if (next < arguments.size())
      return arguments[next++];
    fail(name + " needs a value");
    return "";
  }

  int64_t positive(StringRef text, StringRef name) {
    int64_t value = 0;
    if (text.getAsInteger(10, value) || value < 1)
      fail(name + " needs a whole number of at least 1, not '" + text + "'");
    return value;
  }

  void parseOne(StringRef argument) {
    if (argument == "--help" || argument == "-h")
      options.help = true;
    else if (argument == "--version")
      options.version = true;
    else if (argument == "-Werror")
      options.warningsAsErrors = true;
    else if (argument == "--hold-stop-gradients")
      options.holdStopGradients = true;
    else if (argument.starts_with("--mlir-") || argument.starts_with("-mlir-"))
      options.mlirFlags.push_back(argument.str());
    else if (auto value = longValue(argument, "--target"))
      setTargets(*value);
    else if (auto value = longValue(argument, "--numerics"))
      setNumerics(*value);
    else if (auto value = longValue(argument, "--probe"))
      setProbe(*value);
    else if (auto value = longValue(argument, "--only"))
      setOnly(*value);
    else if (auto value = longValue(argument, "--micro-batch"))
      options.microBatch = positive(*value, "--micro-batch");
    else if (auto value = longValue(argument, "--threads"))
      options.threads = positive(*value, "--threads");
    else if (auto value = longValue(argument, "--emit"))
      setEmit(*value);
    else if (auto value = longValue(argument, "--report"))
      options.report = value->str();
    else if (auto value = longValue(argument, "--output"))
      options.output = value->str();
    else if (auto value = shortValue(argument, "-o"))
      options.output = value->str();
    else if (auto value = shortValue(argument, "-D"))
      options.defines.push_back(value->str());
    else if (argument.size() > 1 && argument.starts_with("-"))
      fail("unknown option '" + argument + "'; --help lists them");
    else if (!options.model.empty())
      fail("two models are given, '" + options.model + "' and '" + argument +
           "': one plan is one model");
    else
      options.model = argument.str();
  }

  void setTargets(StringRef list) {
    llvm::SmallVector<StringRef> names;
    list.split(names, ',');
    for (StringRef name : names) {
      if (llvm::is_contained(options.targets, name))
        return fail("--target lists '" + name + "' twice");
      options.targets.push_back(name.str());
    }
  }

  void setNumerics(StringRef name) {
    if (name != "bf16" && name != "f32" && name != "f64")
      return fail("--numerics is bf16, f32 or f64, not '" + name + "'");
    options.numerics = name.str();
  }

  void setOnly(StringRef what) {
    if (what != "evaluate")
      return fail("--only is evaluate, not '" + what + "'");
    options.evaluateOnly = true;
  }

  void setProbe(StringRef text) {
    auto [batch, seq] = text.split('x');
    BatchShape shape;
    if (batch.getAsInteger(10, shape.batch) ||
        seq.getAsInteger(10, shape.seq) || shape.batch < 1 || shape.seq < 1)
      return fail(
          "--probe needs BxT, as 2x64: sequences and tokens in each, not '" +
          text + "'");
    options.probe = shape;
  }

  void setEmit(StringRef what) {
    static constexpr std::pair<StringRef, Emit> words[] = {
        {"plan", Emit::Plan},   {"ast", Emit::Ast},         {"pg", Emit::Pg},
        {"sched", Emit::Sched}, {"kernels", Emit::Kernels}, {"asm", Emit::Asm},
        {"ptx", Emit::Ptx}};
    for (auto [word, emit] : words)
      if (what == word) {
        options.emit = emit;
        return;
      }
    fail("--emit is ast, pg, sched, kernels, asm or ptx, not '" + what + "'");
  }

  llvm::ArrayRef<StringRef> arguments;
  std::string &error;
  size_t next = 0;
  Options options;
};

} // namespace

std::optional<Options> parseOptions(llvm::ArrayRef<StringRef> arguments,
                                    std::string &error) {
  return ArgumentParser(arguments, error).parse();
}

} // namespace pgc
