#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Checked.h"
#include "runtime/support/Error.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace pgrt {

namespace {
constexpr int64_t maxArenaBytes = int64_t(1) << 46;
constexpr int64_t maxScratchBytes = int64_t(1) << 32;
constexpr int64_t maxChunks = int64_t(1) << 31;
constexpr int64_t bufferAlignment = 64;

template <typename... Parts> [[noreturn]] void bad(const Parts &...parts) {
  failInput("the plan contradicts itself: ", parts...);
}

/// A piece of an arena that belongs to something with a name.
struct Piece {
  uint32_t arena;
  int64_t begin, end;
  std::string owner;
};

class Checker {
public:
  explicit Checker(const plan::Plan &plan) : plan(plan) {}

  void run() {
    if (plan.numerics() != "f32" && plan.numerics() != "bf16" && plan.numerics() != "f64")
      bad("unknown numerics '", plan.numerics(), "'");
    if (plan.vocab() < 1 || plan.vocab() > int64_t(1) << 31)
      bad("a vocabulary of ", plan.vocab());
    if (plan.model_name().empty() || plan.model_name().find('/') != std::string::npos)
      bad("the model's name '", plan.model_name(), "' is empty or a path");
    checkArenas();
    checkVariables();
    checkConstants();
    checkKernels();
    checkScalarGraph();
    for (const plan::Program &program : plan.programs())
      checkProgram(program);
    checkPhases();
    if (plan.has_training())
      checkTraining(plan.training());
    for (const plan::Evaluation &evaluation : plan.evaluations())
      if (evaluation.stage().empty() || evaluation.kind().empty() || evaluation.seq() < 0 || evaluation.stride() < 0)
        bad("an evaluation without stage, kind or length");
  }

private:
  void checkArenas() {
    if (plan.arenas_size() > 256)
      bad(plan.arenas_size(), " arenas");
    std::set<std::string> names;
    int64_t total = 0;
    for (const plan::Arena &arena : plan.arenas()) {
      if (arena.name().empty() || !names.insert(arena.name()).second)
        bad("the arena name '", arena.name(), "' is empty or used twice");
      if (arena.bytes() < 0 || arena.bytes() > maxArenaBytes || arena.instances() < 0 || arena.instances() > 64)
        bad("arena '", arena.name(), "' has ", arena.instances(), " × ", arena.bytes(), " bytes");
      if (arena.alias_of().empty()) {
        int64_t bytes;
        if (!checkedMul(arena.bytes(), std::max<int64_t>(1, arena.instances()), bytes) ||
            !checkedAdd(total, bytes, total) || total > maxArenaBytes)
          bad("the arenas together exceed any memory");
        continue;
      }
      bool found = false;
      for (const plan::Arena &other : plan.arenas())
        found |= other.name() == arena.alias_of() && other.alias_of().empty() && other.bytes() == arena.bytes();
      if (!found)
        bad("arena '", arena.name(), "' is an alias of '", arena.alias_of(), "', which is not an arena of its size");
    }
  }

  /// `what` is called for the message alone: there are tens of thousands of slots.
  template <typename What> void checkSlot(const plan::Slot &slot, int64_t bytes, int64_t alignment, const What &what) {
    if (slot.arena() >= uint32_t(plan.arenas_size()))
      bad(what(), " lies in arena ", slot.arena(), ", of ", plan.arenas_size());
    const plan::Arena &arena = plan.arenas(int(slot.arena()));
    if (!withinBytes(slot.offset(), bytes, arena.bytes()))
      bad(what(), " lies at ", slot.offset(), " with ", bytes, " bytes, outside arena '", arena.name(), "' of ",
          arena.bytes());
    if (slot.offset() % alignment)
      bad(what(), " lies at ", slot.offset(), ", not a multiple of ", alignment);
  }

  int64_t checkShape(const google::protobuf::RepeatedField<int64_t> &shape, plan::Type type, const std::string &what) {
    int64_t elements, bytes;
    if (shape.size() > 8)
      bad(what, " has ", shape.size(), " axes");
    if (typeBytes(type) == 0)
      bad(what, " has no type");
    if (!checkedElements(shape, elements) || elements < 1 || !checkedMul(elements, typeBytes(type), bytes))
      bad(what, " has an impossible shape");
    return elements;
  }

  void checkInit(const plan::Init &init, const google::protobuf::RepeatedField<int64_t> &shape, int64_t elements,
                 const std::string &what) {
    switch (init.kind_case()) {
    case plan::Init::kConstant: {
      int64_t count = init.constant().values_size();
      if (count != 1 && count != elements)
        bad(what, " has ", elements, " elements and ", count, " initial values");
      return;
    }
    case plan::Init::kNormal:
      if (!(std::isfinite(init.normal().std()) && init.normal().std() >= 0))
        bad(what, " has an impossible standard deviation");
      return;
    case plan::Init::kOrthogonal:
      if (shape.size() != 2 || !std::isfinite(init.orthogonal().scale()))
        bad(what, " cannot start orthogonal: it needs two axes and a finite scale");
      if (shape.Get(0) > INT32_MAX || shape.Get(1) > INT32_MAX)
        bad(what, " is too large to start orthogonal");
      return;
    default:
      bad(what, " has no initial value");
    }
  }

  void checkVariables() {
    std::set<std::string> names;
    std::vector<Piece> pieces;
    auto claim = [&](const plan::Slot &slot, int64_t bytes, const std::string &owner) {
      checkSlot(slot, bytes, bufferAlignment, [&] { return owner; });
      if (!plan.arenas(int(slot.arena())).alias_of().empty())
        bad(owner, " lies in an alias");
      pieces.push_back({slot.arena(), slot.offset(), slot.offset() + bytes, owner});
    };
    int gradients = gradientArena(plan);
    for (const plan::Parameter &parameter : plan.parameters()) {
      std::string what = cat("parameter '", parameter.name(), "'");
      if (parameter.name().empty() || !names.insert(parameter.name()).second)
        bad("the parameter name '", parameter.name(), "' is empty or used twice");
      if (parameter.type() != plan::F32 && parameter.type() != plan::F64)
        bad(what, " is neither f32 nor f64");
      int64_t elements = checkShape(parameter.shape(), parameter.type(), what);
      int64_t bytes = elements * typeBytes(parameter.type());
      checkInit(parameter.init(), parameter.shape(), elements, what);
      if (!parameter.has_slot())
        bad(what, " has no place");
      claim(parameter.slot(), bytes, what);
      if (parameter.has_gradient()) {
        claim(parameter.gradient(), bytes, what + "'s gradient");
        if (int(parameter.gradient().arena()) != gradients)
          bad(what, "'s gradient lies apart from the others");
      }
      if (parameter.has_average())
        claim(parameter.average(), bytes, what + "'s average");
    }
    for (const plan::State &state : plan.states()) {
      std::string what = cat("state '", state.name(), "'");
      if (state.name().empty() || !names.insert(state.name()).second)
        bad("the state name '", state.name(), "' is empty or used twice");
      if (state.type() != plan::F32 && state.type() != plan::F64)
        bad(what, " is neither f32 nor f64");
      int64_t elements = checkShape(state.shape(), state.type(), what);
      if (state.has_init()) {
        checkInit(state.init(), state.shape(), elements, what);
        if (!state.init().has_constant())
          bad(what, " starts with a draw");
      }
      if (!state.has_slot())
        bad(what, " has no place");
      claim(state.slot(), elements * typeBytes(state.type()), what);
    }
    std::sort(pieces.begin(), pieces.end(), [](const Piece &a, const Piece &b) {
      return std::tie(a.arena, a.begin) < std::tie(b.arena, b.begin);
    });
    for (size_t i = 1; i < pieces.size(); ++i)
      if (pieces[i].arena == pieces[i - 1].arena && pieces[i].begin < pieces[i - 1].end)
        bad(pieces[i - 1].owner, " and ", pieces[i].owner, " overlap");
  }

  void checkConstants() {
    for (const plan::Constant &constant : plan.constants()) {
      if (!constant.has_slot())
        bad("a constant without a place");
      checkSlot(constant.slot(), int64_t(constant.data().size()), bufferAlignment,
                [] { return std::string("a constant"); });
    }
  }

  void checkKernels() {
    std::set<std::string> symbols;
    for (const plan::Kernel &kernel : plan.kernels()) {
      if (kernel.symbol().empty() || kernel.symbol().find('\0') != std::string::npos ||
          !symbols.insert(kernel.symbol()).second)
        bad("the kernel name '", kernel.symbol(), "' is empty or used twice");
      auto what = [&] { return cat("kernel '", kernel.symbol(), "'"); };
      if (kernel.chunks() < 0 || kernel.chunks() > maxChunks)
        bad(what(), " has ", kernel.chunks(), " chunks");
      if (kernel.scratch_bytes() < 0 || kernel.scratch_bytes() > maxScratchBytes)
        bad(what(), " asks for ", kernel.scratch_bytes(), " bytes of scratch");
      if (kernel.buffer_bytes_size() > 65536 || kernel.results() > uint32_t(kernel.buffer_bytes_size()) ||
          kernel.scalars() > 65536)
        bad(what(), " has ", kernel.buffer_bytes_size(), " buffers, ", kernel.results(), " of them results, and ",
            kernel.scalars(), " scalars");
      for (int64_t bytes : kernel.buffer_bytes())
        if (bytes < 0 || bytes > maxArenaBytes)
          bad(what(), " has a buffer of ", bytes, " bytes");
      if (!std::isfinite(kernel.flops()) || kernel.flops() < 0 || !std::isfinite(kernel.bytes()) || kernel.bytes() < 0)
        bad(what(), " has an impossible cost");
    }
    if (plan.code_size() == 0 && plan.kernels_size() != 0)
      bad("it has kernels and no code");
  }

  void checkScalarGraph() {
    for (int i = 0; i < plan.scalars_size(); ++i) {
      const plan::ScalarExpr &expr = plan.scalars(i);
      int arity = scalarArity(expr.op());
      if (arity < 0)
        bad("scalar ", i, " has the unknown operation ", int(expr.op()));
      if (expr.args_size() != arity)
        bad("scalar ", i, " takes ", arity, " arguments and has ", expr.args_size());
      for (uint32_t arg : expr.args())
        if (arg >= uint32_t(i))
          bad("scalar ", i, " depends on scalar ", arg, ", which does not come before it");
    }
  }

  template <typename What> void checkScalarIndex(uint32_t index, const What &what) {
    if (index >= uint32_t(plan.scalars_size()))
      bad(what(), " refers to scalar ", index, ", of ", plan.scalars_size());
  }

  template <typename Where> void checkLaunch(const plan::Launch &launch, const Where &where) {
    if (launch.kernel() >= uint32_t(plan.kernels_size()))
      bad(where(), " launches kernel ", launch.kernel(), ", of ", plan.kernels_size());
    const plan::Kernel &kernel = plan.kernels(int(launch.kernel()));
    auto what = [&] { return cat(where(), ", kernel '", kernel.symbol(), "'"); };
    if (launch.buffers_size() != kernel.buffer_bytes_size())
      bad(what(), " takes ", kernel.buffer_bytes_size(), " buffers and gets ", launch.buffers_size());
    if (uint32_t(launch.scalars_size()) != kernel.scalars())
      bad(what(), " takes ", kernel.scalars(), " scalars and gets ", launch.scalars_size());
    for (int i = 0; i < launch.buffers_size(); ++i)
      checkSlot(launch.buffers(i), kernel.buffer_bytes(i), bufferAlignment,
                [&] { return cat(what(), ", buffer ", i); });
    for (uint32_t index : launch.scalars())
      checkScalarIndex(index, what);
  }

  template <typename Where> void checkCommand(const plan::Command &command, const Where &where) {
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
        bad(where(), ", copy: source and destination overlap");
      return;
    }
    case plan::Command::kFill:
      checkSlot(command.fill().to(), command.fill().bytes(), 4, [&] { return where() + ", fill"; });
      if (command.fill().bytes() % 4)
        bad(where(), ", fill of ", command.fill().bytes(), " bytes, not a multiple of 4");
      return;
    default:
      bad(where(), " is empty");
    }
  }

  void checkPort(const plan::Port &port, const std::string &where) {
    std::string what = cat(where, ", '", port.name(), "'");
    if (port.name().empty() || !port.has_slot())
      bad(what, " has no name or no place");
    int64_t elements = checkShape(port.shape(), port.type(), what);
    if (port.bytes() != elements * typeBytes(port.type()))
      bad(what, " has ", port.bytes(), " bytes, its shape says otherwise");
    checkSlot(port.slot(), port.bytes(), typeBytes(port.type()), [&] { return what; });
  }

  void checkPortIs(const google::protobuf::RepeatedPtrField<plan::Port> &ports, const char *name, bool integer,
                   const std::vector<int64_t> &shape, const std::string &where) {
    const plan::Port *port = findPort(ports, name);
    if (!port)
      bad(where, " has no '", name, "'");
    bool typed = integer ? port->type() == plan::I64 : port->type() == plan::F32 || port->type() == plan::F64;
    int64_t wanted, present;
    bool sized = checkedElements(shape, wanted) && checkedElements(port->shape(), present) && wanted == present;
    if (!typed || !sized)
      bad(where, ", '", name, "' has another type or shape than its role says");
  }

  void checkProgram(const plan::Program &program) {
    std::string where = cat("program '", program.name(), "'");
    static const std::set<std::string> roles = {"train", "combine", "update", "prepare", "score", "probe"};
    if (!roles.count(program.role()))
      bad(where, " has the unknown role '", program.role(), "'");
    for (const plan::Port &port : program.inputs())
      checkPort(port, where);
    for (const plan::Port &port : program.outputs())
      checkPort(port, where);
    bool takesTokens = program.role() == "train" || program.role() == "score" || program.role() == "probe";
    if (takesTokens) {
      if (program.batch() < 1 || program.seq() < 1 || program.batch() > INT32_MAX || program.seq() > INT32_MAX)
        bad(where, " is for ", program.batch(), " × ", program.seq(), " tokens");
      std::vector<int64_t> tokens = {program.batch(), program.seq()};
      checkPortIs(program.inputs(), "tokens", true, tokens, where);
      checkPortIs(program.inputs(), "targets", true, tokens, where);
      if (program.role() == "score")
        checkPortIs(program.outputs(), "nll", false, tokens, where);
      else
        checkPortIs(program.outputs(), "loss", false, {}, where);
      if (program.role() == "probe")
        checkPortIs(program.outputs(), "logits", false, {program.batch(), program.seq(), plan.vocab()}, where);
      for (const plan::Port &port : program.outputs())
        if (port.name().starts_with("term.") && program.role() == "train")
          checkPortIs(program.outputs(), port.name().c_str(), false, {}, where);
    }
    if (!std::isfinite(program.model_flops()) || program.model_flops() < 0)
      bad(where, " has an impossible cost");
    for (int i = 0; i < program.commands_size(); ++i)
      checkCommand(program.commands(i), [&] { return cat(where, ", command ", i); });
  }

  // No two programs may serve the same role and phase (and shape, where several shapes are possible).
  void checkPhases() {
    std::set<std::string> served;
    for (const plan::Program &program : plan.programs()) {
      std::string key = program.role();
      bool phased = key == "train" || key == "update" || key == "probe";
      if (key == "score" || key == "probe")
        key += cat(" ", program.batch(), "x", program.seq());
      if (phased && program.phases_size() == 0)
        bad("program '", program.name(), "' serves no phase");
      if (!phased && !served.insert(key).second)
        bad("two programs have the role '", key, "'");
      for (const std::string &phase : program.phases())
        if (phased && !served.insert(key + " " + phase).second)
          bad("two programs serve '", key, "' in phase '", phase, "'");
    }
  }

  void checkTraining(const plan::Training &training) {
    int64_t parts = training.parts(), sequences;
    if (training.data().empty() || training.data().find('/') != std::string::npos || training.data()[0] == '.')
      bad("the data set's name '", training.data(), "' is empty or a path");
    if (training.seq() < 1 || parts < 1 || parts > 65536 || training.micro_batch() < 1 ||
        !checkedMul(parts, training.seq(), sequences) || training.batch_tokens() < 1 ||
        training.batch_tokens() % sequences || training.batch_tokens() / sequences % training.micro_batch())
      bad("a step of ", training.batch_tokens(), " tokens is not ", parts, " parts of micro-batches of ",
          training.micro_batch(), " sequences of ", training.seq());
    if (training.order() != "shuffled" && training.order() != "sequential" && training.order() != "coprime")
      bad("unknown order '", training.order(), "'");
    if (!std::isfinite(training.seconds()) || !std::isfinite(training.reserve()) || training.seconds() < 0 ||
        training.reserve() < 0 || training.steps() < 0)
      bad("an impossible budget");
    if (training.switches_size() > 16)
      bad(training.switches_size(), " switches");
    std::set<std::string> names;
    for (const plan::Switch &one : training.switches()) {
      if (one.name().empty() || one.name().find('+') != std::string::npos || one.name() == "plain" ||
          !names.insert(one.name()).second)
        bad("the switch name '", one.name(), "' is empty, reserved or used twice");
      checkScalarIndex(one.condition(), [&] { return cat("switch '", one.name(), "'"); });
    }
    if (training.has_lr())
      checkScalarIndex(training.lr(), [] { return std::string("the learning rate"); });
    size_t count = size_t(training.switches_size());
    for (bool on : {false, true}) {
      std::string phase = phaseName(training, std::vector<bool>(count, on));
      for (const char *role : {"train", "update"})
        if (!findProgram(plan, role, phase))
          bad("no ", role, " program for phase '", phase, "'");
    }
    for (const plan::Program &program : plan.programs())
      if (program.role() == "train" && (program.batch() != training.micro_batch() || program.seq() != training.seq()))
        bad("program '", program.name(), "' is not for micro-batches of ", training.micro_batch(), " × ",
            training.seq());
    int gradients = gradientArena(plan);
    if (gradients < 0)
      bad("no parameter has a gradient");
    if (parts > 1) {
      if (!findProgram(plan, "combine") || otherGradientArena(plan) < 0)
        bad("a step has ", parts, " parts and there is no program that combines them");
      int64_t present = std::max<int64_t>(1, plan.arenas(gradients).instances());
      if (present < gradientInstances(parts))
        bad(parts, " parts need ", gradientInstances(parts), " instances of the gradients, it has ", present);
    }
  }

  const plan::Plan &plan;
};
} // namespace

void checkPlan(const plan::Plan &plan) { Checker(plan).run(); }

} // namespace pgrt
