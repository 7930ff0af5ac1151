#include "compiler/plan/PlanWriter.h"
#include "compiler/plan/QuantizationWriter.h"
#include "compiler/plan/ScalarExprs.h"
#include "dialects/pg/Pg.h"
#include "dialects/sched/GpuLaunch.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {
namespace {

namespace plan = pgrt::plan;

class PlanWriter {
public:
  PlanWriter(ModuleOp module, plan::Plan &out,
             llvm::StringMap<uint32_t> &programs)
      : module(module), out(out), scalars(out),
        slotSetter([this](plan::Slot *slot, BufAttr buffer) {
          setSlot(slot, buffer);
        }),
        programs(programs) {}

  LogicalResult run() {
    addArenas();
    if (failed(addVariables()) || failed(addConstants()))
      return failure();
    if (failed(addKernels()))
      return failure();
    for (auto program : module.getOps<ProgramOp>())
      if (failed(addProgram(program)))
        return failure();
    addQuantization(module, out, slotSetter);
    addPack(module, out);
    return addSchedules();
  }

private:
  //===------------------------------------------------------------------===//
  // Memory
  //===------------------------------------------------------------------===//

  void addArenas() {
    for (auto op : module.getOps<ArenaOp>()) {
      arenas[op.getSymName()] = out.arenas_size();
      plan::Arena *arena = out.add_arenas();
      arena->set_name(op.getSymName().str());
      arena->set_bytes(op.getBytes());
      if (op.getSymName() == "gradients" && out.has_training())
        arena->set_instances(countGradients(out.training().parts()));
      if (op.getSymName() == "gradients.other")
        arena->set_alias_of("gradients");
    }
  }

  void setSlot(plan::Slot *slot, BufAttr buffer) {
    slot->set_arena(arenas.lookup(buffer.getArena().getValue()));
    slot->set_offset(buffer.getOffset());
  }

  static FailureOr<plan::Type> typeOf(Type element, Location location) {
    if (element.isF32())
      return plan::F32;
    if (element.isF64())
      return plan::F64;
    if (element.isBF16())
      return plan::BF16;
    if (element.isInteger(64))
      return plan::I64;
    if (element.isInteger(1))
      return plan::I1;
    return emitError(location, "a plan has no elements of type ") << element;
  }

  static LogicalResult setInit(plan::Init *init, DictionaryAttr attr,
                               Location location) {
    auto number = [&](StringRef name) {
      return cast<FloatAttr>(attr.get(name)).getValueAsDouble();
    };
    StringRef kind = attr.getAs<StringAttr>("kind").getValue();
    if (kind == "normal") {
      init->mutable_normal()->set_std(number("std"));
    } else if (kind == "computed") {
      init->mutable_constant()->add_values(0); // program "init" follows
    } else if (kind == "orthogonal") {
      init->mutable_orthogonal()->set_scale(number("scale"));
    } else if (auto values = attr.getAs<DenseFPElementsAttr>("value");
               kind == "constant" && values) {
      if (values.isSplat())
        init->mutable_constant()->add_values(
            values.getSplatValue<APFloat>().convertToDouble());
      else
        for (const APFloat &value : values.getValues<APFloat>())
          init->mutable_constant()->add_values(value.convertToDouble());
    } else {
      return emitError(location, "a plan has no initialiser of kind '")
             << kind << "'";
    }
    return success();
  }

  std::optional<BufAttr> placeOf(const Twine &variable) {
    auto op = module.lookupSymbol<pg::VariableOp>(variable.str());
    return op ? std::optional(op->getAttrOfType<BufAttr>("buffer"))
              : std::nullopt;
  }

  LogicalResult addVariables() {
    for (auto variable : module.getOps<pg::VariableOp>()) {
      StringRef space = variable.getSpace(), name = variable.getSymName();
      bool isParameter = space == "parameter";
      if (!isParameter && space != "state" && space != "constant")
        continue; // gradients and averages come with their parameter; what is
                  // derived is computed
      FailureOr<plan::Type> type =
          typeOf(variable.getTensorType().getElementType(), variable.getLoc());
      if (failed(type))
        return failure();
      auto fill = [&](auto *entry) {
        entry->set_name(name.str());
        for (int64_t size : variable.getTensorType().getShape())
          entry->add_shape(size);
        entry->set_type(*type);
        setSlot(entry->mutable_slot(), *placeOf(name));
        return !variable.getInit()
                   ? success()
                   : setInit(entry->mutable_init(), *variable.getInit(),
                             variable.getLoc());
      };
      if (!isParameter) {
        plan::State *state = out.add_states();
        if (failed(fill(state)))
          return failure();
        if (auto index = variable->getAttrOfType<IntegerAttr>("pg.evaluation"))
          state->set_evaluation(index.getInt());
        continue;
      }
      plan::Parameter *parameter = out.add_parameters();
      if (failed(fill(parameter)))
        return failure();
      parameter->set_group(variable.getGroup().value_or("").str());
      if (auto gradient = placeOf(name + ":grad"))
        setSlot(parameter->mutable_gradient(), *gradient);
      if (auto average = placeOf(name + ":average"))
        setSlot(parameter->mutable_average(), *average);
      if (auto hessian = variable->getAttrOfType<FlatSymbolRefAttr>("hessian"))
        if (auto place = placeOf(hessian.getValue()))
          setSlot(parameter->mutable_hessian(), *place);
    }
    return success();
  }

  LogicalResult addConstants() {
    for (auto op : module.getOps<ConstantOp>()) {
      auto value = dyn_cast<DenseElementsAttr>(op.getValue());
      if (!value)
        return op.emitError("a plan holds dense constants only");
      plan::Constant *constant = out.add_constants();
      setSlot(constant->mutable_slot(), op.getBuffer());
      std::string *data = constant->mutable_data();
      if (value.getElementType().isInteger(1)) {
        for (bool bit : value.getValues<bool>())
          data->push_back(bit);
      } else {
        ArrayRef<char> raw = value.getRawData();
        for (int64_t i = 0, n = value.isSplat() ? value.getNumElements() : 1;
             i < n; ++i)
          data->append(raw.data(), raw.size());
      }
    }
    return success();
  }

  //===------------------------------------------------------------------===//
  // Kernels and programs
  //===------------------------------------------------------------------===//

  LogicalResult addKernels() {
    // Some are there for others alone, which are copies of them.
    llvm::DenseSet<StringAttr> launched;
    module.walk([&](LaunchOp launch) {
      launched.insert(launch.getKernelAttr().getAttr());
    });
    for (auto op : module.getOps<KernelOp>()) {
      if (!launched.contains(op.getSymNameAttr()))
        continue;
      kernels[op.getSymName()] = out.kernels_size();
      plan::Kernel *kernel = out.add_kernels();
      kernel->set_symbol(op.getSymName().str());
      kernel->set_kind(op.getKind().str());
      kernel->set_chunks(op.getChunks().value_or(1));
      kernel->set_scratch_bytes(op.getScratch().value_or(0));
      for (Value operand : op.getTensorArguments())
        kernel->add_buffer_bytes(
            getByteSize(cast<RankedTensorType>(operand.getType())));
      for (Value result : op.getYielded())
        kernel->add_buffer_bytes(
            getByteSize(cast<RankedTensorType>(result.getType())));
      kernel->set_results(op.getYielded().size());
      kernel->set_scalars(op.getScalars());
      kernel->set_flops(op.getFlops().value_or(0));
      kernel->set_bytes(op.getBytes().value_or(0));
      if (failed(addGpuPart(op, *kernel)))
        return failure();
    }
    return success();
  }

  /// How a GPU computes the kernel, if its plan is for one.
  static LogicalResult addGpuPart(KernelOp op, plan::Kernel &kernel) {
    auto emitError = [&] { return op.emitOpError("has "); };
    if (auto attr = op.getGpu()) {
      FailureOr<GpuLaunch> launch = GpuLaunch::get(*attr, emitError);
      if (failed(launch))
        return failure();
      plan::GpuLaunch *gpu = kernel.mutable_gpu();
      gpu->set_grid_x(launch->grid[0]);
      gpu->set_grid_y(launch->grid[1]);
      gpu->set_grid_z(launch->grid[2]);
      gpu->set_threads(launch->threads);
      gpu->set_shared_bytes(launch->sharedBytes);
      gpu->set_cluster(launch->cluster);
      for (const TensorMap &map : launch->tensorMaps) {
        FailureOr<plan::Type> type = typeOf(map.type, op.getLoc());
        if (failed(type))
          return failure();
        plan::TensorMap *out = gpu->add_tensor_maps();
        out->set_buffer(map.buffer);
        out->set_type(*type);
        out->mutable_sizes()->Add(map.sizes.begin(), map.sizes.end());
        out->mutable_strides()->Add(map.strides.begin(), map.strides.end());
        out->mutable_box()->Add(map.box.begin(), map.box.end());
        out->set_swizzle(map.swizzle);
      }
    } else if (auto attr = op.getLibrary()) {
      FailureOr<LibraryProduct> product = LibraryProduct::get(*attr, emitError);
      if (failed(product))
        return failure();
      plan::LibraryProduct *out = kernel.mutable_library();
      out->set_m(product->m);
      out->set_n(product->n);
      out->set_k(product->k);
      out->set_batch(product->batch);
      out->set_transpose_a(product->transposeA);
      out->set_transpose_b(product->transposeB);
      out->set_accumulate(product->accumulate);
      FailureOr<plan::Type> a = typeOf(product->aType, op.getLoc()),
                            b = typeOf(product->bType, op.getLoc()),
                            d = typeOf(product->dType, op.getLoc());
      if (failed(a) || failed(b) || failed(d))
        return failure();
      out->set_a_type(*a);
      out->set_b_type(*b);
      out->set_d_type(*d);
      out->set_stride_a(product->strideA);
      out->set_stride_b(product->strideB);
      out->set_stride_d(product->strideD);
    }
    return success();
  }

  LogicalResult addCommand(Operation &op, plan::Program &program) {
    if (auto launch = dyn_cast<LaunchOp>(op)) {
      plan::Launch *command = program.add_commands()->mutable_launch();
      command->set_kernel(kernels.lookup(launch.getKernel()));
      for (Attribute buffer : launch.getBuffers())
        setSlot(command->add_buffers(), cast<BufAttr>(buffer));
      for (Value scalar : launch.getScalars()) {
        FailureOr<uint32_t> index = scalars.add(scalar);
        if (failed(index))
          return failure();
        command->add_scalars(*index);
      }
    } else if (auto copy = dyn_cast<CopyOp>(op)) {
      plan::Copy *command = program.add_commands()->mutable_copy();
      setSlot(command->mutable_from(), copy.getSource());
      setSlot(command->mutable_to(), copy.getDestination());
      command->set_bytes(copy.getSource().getBytes());
    } else if (auto fill = dyn_cast<FillOp>(op)) {
      plan::Fill *command = program.add_commands()->mutable_fill();
      setSlot(command->mutable_to(), fill.getDestination());
      command->set_bytes(fill.getDestination().getBytes());
    } else if (auto host = dyn_cast<HostOp>(op)) {
      return addHostCommand(host, *program.add_commands(), slotSetter);
    }
    return success();
  }

  LogicalResult addPort(plan::Port *port, PortAttr attr, Location location) {
    port->set_name(attr.getName().str());
    setSlot(port->mutable_slot(), attr.getBuffer());
    port->set_bytes(attr.getBuffer().getBytes());
    FailureOr<plan::Type> type =
        typeOf(attr.getType().getElementType(), location);
    if (failed(type))
      return failure();
    port->set_type(*type);
    for (int64_t size : attr.getType().getShape())
      port->add_shape(size);
    return success();
  }

  LogicalResult addProgram(ProgramOp op) {
    plan::Program program;
    program.set_role(op.getRole().str());
    for (Attribute input : op.getInputs())
      if (failed(addPort(program.add_inputs(), cast<PortAttr>(input),
                         op.getLoc())))
        return failure();
    for (Attribute output : op.getOutputs())
      if (failed(addPort(program.add_outputs(), cast<PortAttr>(output),
                         op.getLoc())))
        return failure();
    if (program.inputs_size() > 0 && program.inputs(0).shape_size() == 2) {
      program.set_batch(program.inputs(0).shape(0));
      program.set_seq(program.inputs(0).shape(1));
    }
    for (Operation &command : op.getBlock())
      if (failed(addCommand(command, program)))
        return failure();
    if (auto flops = op->getAttrOfType<FloatAttr>("model_flops"))
      program.set_model_flops(flops.getValueAsDouble());

    if (auto scored = op->getAttrOfType<IntegerAttr>("scored"))
      program.set_scored(scored.getInt());

    // The same commands under another name: one program that serves one more
    // phase.
    auto [entry, isNew] =
        written.try_emplace(program.SerializeAsString(), out.programs_size());
    programs[op.getSymName()] = entry->second;
    if (isNew) {
      program.set_name(op.getSymName().str());
      *out.add_programs() = std::move(program);
    }
    if (!op.getPhase().empty())
      out.mutable_programs(entry->second)->add_phases(op.getPhase().str());
    return success();
  }

  /// The index of what a function without arguments returns, or nothing if
  /// there is no such function.
  FailureOr<std::optional<uint32_t>> resultOf(const Twine &function) {
    auto func = module.lookupSymbol<func::FuncOp>(function.str());
    if (!func)
      return std::optional<uint32_t>();
    FailureOr<uint32_t> index =
        scalars.add(func.getBody().front().getTerminator()->getOperand(0));
    if (failed(index))
      return failure();
    return std::optional<uint32_t>(*index);
  }

  LogicalResult addSchedules() {
    if (!out.has_training())
      return success();
    for (plan::Switch &entry : *out.mutable_training()->mutable_switches()) {
      auto condition = resultOf("switch." + entry.name());
      if (failed(condition))
        return failure();
      if (!*condition)
        return module.emitError("the condition of switch '")
               << entry.name() << "' is missing";
      entry.set_condition(**condition);
    }
    auto rate = resultOf("log.lr");
    if (failed(rate))
      return failure();
    if (*rate)
      out.mutable_training()->set_lr(**rate);
    return success();
  }

  ModuleOp module;
  plan::Plan &out;
  ScalarExprs scalars;
  std::function<void(plan::Slot *, BufAttr)> slotSetter;
  llvm::StringMap<uint32_t> &programs; // by the name of the function
  llvm::StringMap<uint32_t> arenas, kernels;
  std::map<std::string, int> written; // by content
};

} // namespace

int64_t countGradients(int64_t parts) {
  return 1 + llvm::Log2_64_Ceil(std::max<int64_t>(1, parts));
}

LogicalResult addToPlan(ModuleOp module, pgrt::plan::Plan &plan,
                        llvm::StringMap<uint32_t> &programs) {
  return PlanWriter(module, plan, programs).run();
}

} // namespace pgc
