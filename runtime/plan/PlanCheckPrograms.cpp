// What runs: kernels, scalars, programs and their commands.

#include "runtime/plan/PlanCheckBase.h"
#include "runtime/plan/Scalars.h"

#include <cmath>
#include <initializer_list>
#include <set>
#include <vector>

namespace pgrt {

namespace {
constexpr int64_t maxScratchBytes = int64_t(1) << 32;
constexpr int64_t maxChunks = int64_t(1) << 30;

class ProgramCheck : PlanCheckBase {
public:
  using PlanCheckBase::PlanCheckBase;

  void run() {
    checkKernels();
    checkScalarGraph();
    for (const plan::Program &program : plan.programs())
      checkProgram(program);
    checkPhases();
  }

private:
  void checkKernels() {
    std::set<std::string> symbols;
    for (const plan::Kernel &kernel : plan.kernels()) {
      if (kernel.symbol().empty() ||
          kernel.symbol().find('\0') != std::string::npos ||
          !symbols.insert(kernel.symbol()).second)
        badPlan("the kernel name '", kernel.symbol(),
                "' is empty or used twice");
      auto what = [&] { return cat("kernel '", kernel.symbol(), "'"); };
      if (kernel.chunks() < 0 || kernel.chunks() > maxChunks)
        badPlan(what(), " has ", kernel.chunks(), " chunks");
      if (kernel.scratch_bytes() < 0 ||
          kernel.scratch_bytes() > maxScratchBytes)
        badPlan(what(), " asks for ", kernel.scratch_bytes(),
                " bytes of scratch");
      if (kernel.buffer_bytes_size() > 65536 ||
          kernel.results() > uint32_t(kernel.buffer_bytes_size()) ||
          kernel.scalars() > 65536)
        badPlan(what(), " has ", kernel.buffer_bytes_size(), " buffers, ",
                kernel.results(), " of them results, and ", kernel.scalars(),
                " scalars");
      for (int64_t bytes : kernel.buffer_bytes())
        if (bytes < 0 || bytes > maxArenaBytes)
          badPlan(what(), " has a buffer of ", bytes, " bytes");
      if (!std::isfinite(kernel.flops()) || kernel.flops() < 0 ||
          !std::isfinite(kernel.bytes()) || kernel.bytes() < 0)
        badPlan(what(), " has an impossible cost");
    }
    if (plan.code_size() == 0 && plan.kernels_size() != 0)
      badPlan("it has kernels and no code");
  }

  void checkScalarGraph() {
    for (int i = 0; i < plan.scalars_size(); ++i) {
      const plan::ScalarExpr &expr = plan.scalars(i);
      int arity = scalarArity(expr.op());
      if (arity < 0)
        badPlan("scalar ", i, " has the unknown operation ", int(expr.op()));
      if (expr.args_size() != arity)
        badPlan("scalar ", i, " takes ", arity, " arguments and has ",
                expr.args_size());
      for (uint32_t arg : expr.args())
        if (arg >= uint32_t(i))
          badPlan("scalar ", i, " depends on scalar ", arg,
                  ", which does not come before it");
    }
  }

  template <typename Where>
  void checkLaunch(const plan::Launch &launch, const Where &where) {
    if (launch.kernel() >= uint32_t(plan.kernels_size()))
      badPlan(where(), " launches kernel ", launch.kernel(), ", of ",
              plan.kernels_size());
    const plan::Kernel &kernel = plan.kernels(int(launch.kernel()));
    auto what = [&] {
      return cat(where(), ", kernel '", kernel.symbol(), "'");
    };
    if (launch.buffers_size() != kernel.buffer_bytes_size())
      badPlan(what(), " takes ", kernel.buffer_bytes_size(),
              " buffers and gets ", launch.buffers_size());
    if (uint32_t(launch.scalars_size()) != kernel.scalars())
      badPlan(what(), " takes ", kernel.scalars(), " scalars and gets ",
              launch.scalars_size());
    for (int i = 0; i < launch.buffers_size(); ++i)
      checkSlot(launch.buffers(i), kernel.buffer_bytes(i), bufferAlignment,
                [&] { return cat(what(), ", buffer ", i); });
    for (uint32_t index : launch.scalars())
      checkScalarIndex(index, what);
  }

  template <typename Where>
  void checkCommand(const plan::Command &command, const Where &where) {
    switch (command.kind_case()) {
    case plan::Command::kLaunch:
      return checkLaunch(command.launch(), where);
    case plan::Command::kCopy: {
      const plan::Copy &copy = command.copy();
      auto what = [&] { return where() + ", copy"; };
      checkSlot(copy.from(), copy.bytes(), 1, what);
      checkSlot(copy.to(), copy.bytes(), 1, what);
      bool apart = copy.from().arena() != copy.to().arena() ||
                   copy.from().offset() + copy.bytes() <= copy.to().offset() ||
                   copy.to().offset() + copy.bytes() <= copy.from().offset();
      if (!apart && copy.bytes())
        badPlan(where(), ", copy: source and destination overlap");
      return;
    }
    case plan::Command::kFill:
      checkSlot(command.fill().to(), command.fill().bytes(), 4,
                [&] { return where() + ", fill"; });
      if (command.fill().bytes() % 4)
        badPlan(where(), ", fill of ", command.fill().bytes(),
                " bytes, not a multiple of 4");
      return;
    case plan::Command::kGptq:
      return checkGptq(command.gptq(), where);
    case plan::Command::kSvd:
      return checkSvd(command.svd(), where);
    default:
      badPlan(where(), " is empty");
    }
  }

  /// A buffer of a command that the host does, of rows × cols elements.
  struct HostBuffer {
    const plan::Slot *slot;
    int64_t rows, cols;
    const char *name;
  };

  /// The last `written` buffers must not meet any other.
  template <typename Where>
  void checkHostBuffers(std::initializer_list<HostBuffer> buffers, int written,
                        plan::Type type, const Where &where) {
    if (type != plan::F32 && type != plan::F64)
      badPlan(where(), " is neither f32 nor f64");
    std::vector<std::pair<const plan::Slot *, int64_t>> seen;
    for (const HostBuffer &buffer : buffers) {
      auto what = [&] { return cat(where(), ", ", buffer.name); };
      int64_t elements, bytes;
      if (buffer.rows < 1 || buffer.cols < 1 || buffer.rows > INT32_MAX ||
          buffer.cols > INT32_MAX ||
          !checkedMul(buffer.rows, buffer.cols, elements) ||
          !checkedMul(elements, typeBytes(type), bytes))
        badPlan(what(), " is ", buffer.rows, " × ", buffer.cols);
      checkSlot(*buffer.slot, bytes, bufferAlignment, what);
      bool isWritten = seen.size() + size_t(written) >= buffers.size();
      for (auto &[other, size] : seen)
        if (isWritten && other->arena() == buffer.slot->arena() &&
            other->offset() < buffer.slot->offset() + bytes &&
            buffer.slot->offset() < other->offset() + size)
          badPlan(what(), " overlaps another of its buffers");
      seen.push_back({buffer.slot, bytes});
    }
  }

  template <typename Where>
  void checkGptq(const plan::Gptq &gptq, const Where &where) {
    auto what = [&] { return where() + ", gptq"; };
    checkHostBuffers(
        {{&gptq.weight(), gptq.rows(), gptq.cols(), "the weight"},
         {&gptq.hessian(), gptq.cols(), gptq.cols(), "the Hessian"},
         {&gptq.scale(), gptq.rows(), 1, "the scale"},
         {&gptq.codes(), gptq.rows(), gptq.cols(), "the codes"}},
        1, gptq.type(), what);
    if (gptq.top() < 1 || gptq.top() > INT32_MAX || gptq.block() < 1 ||
        !std::isfinite(gptq.damp()) || gptq.damp() < 0)
      badPlan(what(), ": top ", gptq.top(), ", block ", gptq.block(), ", damp ",
              gptq.damp());
  }

  template <typename Where>
  void checkSvd(const plan::Svd &svd, const Where &where) {
    auto what = [&] { return where() + ", svd"; };
    checkHostBuffers({{&svd.matrix(), svd.rows(), svd.cols(), "the matrix"},
                      {&svd.u(), svd.rows(), svd.rank(), "u"},
                      {&svd.s(), svd.rank(), 1, "s"},
                      {&svd.v(), svd.rank(), svd.cols(), "v"}},
                     3, svd.type(), what);
    if (svd.rank() > svd.rows() || svd.rank() > svd.cols())
      badPlan(what(), " has ", svd.rank(), " singular values of ", svd.rows(),
              " × ", svd.cols());
  }

  void checkPort(const plan::Port &port, const std::string &where) {
    std::string what = cat(where, ", '", port.name(), "'");
    if (port.name().empty() || !port.has_slot())
      badPlan(what, " has no name or no place");
    int64_t elements = checkShape(port.shape(), port.type(), what);
    if (port.bytes() != elements * typeBytes(port.type()))
      badPlan(what, " has ", port.bytes(), " bytes, its shape says otherwise");
    checkSlot(port.slot(), port.bytes(), typeBytes(port.type()),
              [&] { return what; });
  }

  void checkPortIs(const google::protobuf::RepeatedPtrField<plan::Port> &ports,
                   const char *name, bool integer,
                   const std::vector<int64_t> &shape,
                   const std::string &where) {
    const plan::Port *port = findPort(ports, name);
    if (!port)
      badPlan(where, " has no '", name, "'");
    bool typed = integer
                     ? port->type() == plan::I64
                     : port->type() == plan::F32 || port->type() == plan::F64;
    int64_t wanted, present;
    bool sized = checkedElements(shape, wanted) &&
                 checkedElements(port->shape(), present) && wanted == present;
    if (!typed || !sized)
      badPlan(where, ", '", name,
              "' has another type or shape than its role says");
  }

  void checkTokens(const plan::Program &program, const std::string &where) {
    if (program.batch() < 1 || program.seq() < 1 ||
        program.batch() > INT32_MAX || program.seq() > INT32_MAX)
      badPlan(where, " is for ", program.batch(), " × ", program.seq(),
              " tokens");
    checkPortIs(program.inputs(), "tokens", true,
                {program.batch(), program.seq()}, where);
  }

  // Scoring leaves no trace: what it writes is its results, and what no program
  // expects to find.
  void checkKeepsNothing(const plan::Program &program,
                         const std::string &where) {
    auto check = [&](const plan::Slot &slot) {
      const std::string &arena = plan.arenas(int(slot.arena())).name();
      if (keepsContents(plan, int(slot.arena())))
        badPlan(where, " writes to arena '", arena,
                "': scoring must change nothing that later scores depend on");
    };
    for (int i = 0; i < program.commands_size(); ++i) {
      const plan::Command &command = program.commands(i);
      checkCommand(command, [&] { return cat(where, ", command ", i); });
      if (command.has_copy())
        check(command.copy().to());
      if (command.has_fill())
        check(command.fill().to());
      if (!command.has_launch())
        continue;
      const plan::Launch &launch = command.launch();
      int results = int(plan.kernels(int(launch.kernel())).results());
      for (int k = launch.buffers_size() - results; k < launch.buffers_size();
           ++k)
        check(launch.buffers(k));
    }
    for (const plan::Port &port : program.outputs()) {
      checkPort(port, where);
      check(port.slot());
    }
  }

  void checkProgram(const plan::Program &program) {
    std::string where = cat("program '", program.name(), "'");
    static const std::set<std::string> roles = {
        "train",   "combine",  "update", "prepare", "score",
        "init",    "probe",    "logits", "adapt",   "adapt_update",
        "capture", "quantize", "decode", "measure"};
    if (!roles.count(program.role()))
      badPlan(where, " has the unknown role '", program.role(), "'");
    for (const plan::Port &port : program.inputs())
      checkPort(port, where);
    for (const plan::Port &port : program.outputs())
      checkPort(port, where);
    const std::string &role = program.role();
    if (role != "score" && program.scored() != 0)
      badPlan(where, " scores positions and has another role");
    if (role == "capture" || role == "measure")
      checkTokens(program, where);
    if (role == "logits") {
      checkTokens(program, where);
      checkPortIs(program.outputs(), "logits", false,
                  {program.batch(), program.seq(), plan.vocab()}, where);
    }
    if (role == "score" || role == "logits")
      checkKeepsNothing(program, where);
    bool takesTargets = role == "train" || role == "score" || role == "probe" ||
                        role == "adapt";
    if (takesTargets) {
      checkTokens(program, where);
      checkPortIs(program.inputs(), "targets", true,
                  {program.batch(), program.seq()}, where);
      if (program.scored() < 0 || program.scored() > program.seq())
        badPlan(where, " scores ", program.scored(), " of ", program.seq(),
                " positions");
      int64_t scored = program.scored() ? program.scored() : program.seq();
      if (role == "score")
        checkPortIs(program.outputs(), "nll", false, {program.batch(), scored},
                    where);
      else
        checkPortIs(program.outputs(), "loss", false, {}, where);
      if (program.role() == "probe")
        checkPortIs(program.outputs(), "logits", false,
                    {program.batch(), program.seq(), plan.vocab()}, where);
      for (const plan::Port &port : program.outputs())
        if (port.name().starts_with("term.") && program.role() == "train")
          checkPortIs(program.outputs(), port.name().c_str(), false, {}, where);
    }
    if ((role == "quantize" || role == "decode") &&
        program.inputs_size() + program.outputs_size())
      badPlan(where, " has inputs or outputs: it works on the weights alone");
    if (!std::isfinite(program.model_flops()) || program.model_flops() < 0)
      badPlan(where, " has an impossible cost");
    for (int i = 0; i < program.commands_size(); ++i) {
      const plan::Command &command = program.commands(i);
      if ((command.has_gptq() || command.has_svd()) && role != "quantize" &&
          !(role == "init" && command.has_svd()))
        badPlan(where, " quantises");
      checkCommand(command, [&] { return cat(where, ", command ", i); });
    }
  }

  // No two programs may serve the same role and phase (and shape, where several
  // shapes are possible).
  void checkPhases() {
    std::set<std::string> served;
    for (const plan::Program &program : plan.programs()) {
      std::string key = program.role();
      bool phased = key == "train" || key == "measure" || key == "update" ||
                    key == "probe";
      if (key == "score" || key == "probe" || key == "logits")
        key += cat(" ", program.batch(), "x", program.seq());
      if (program.scored())
        key += cat(", the last ", program.scored());
      if (key == "adapt" || key == "adapt_update")
        continue; // evaluations name theirs
      if (phased && program.phases_size() == 0)
        badPlan("program '", program.name(), "' serves no phase");
      if (!phased && !served.insert(key).second)
        badPlan("two programs have the role '", key, "'");
      for (const std::string &phase : program.phases())
        if (phased && !served.insert(key + " " + phase).second)
          badPlan("two programs serve '", key, "' in phase '", phase, "'");
    }
  }
};
} // namespace

void checkPlanPrograms(const plan::Plan &plan) { ProgramCheck(plan).run(); }

} // namespace pgrt
