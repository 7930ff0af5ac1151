#include "compiler/passes/fusion/OpFacts.h"
#include "dialects/sched/Sched.h"

using namespace mlir;

namespace pgc {

bool isElementwise(Operation *op) {
  return isa<pg::AddOp, pg::SubOp, pg::MulOp, pg::DivOp, pg::PowOp, pg::MaxOp,
             pg::MinOp, pg::FloorDivOp, pg::ModOp, pg::XorOp, pg::AndOp,
             pg::OrOp, pg::NegOp, pg::AbsOp, pg::SqrtOp, pg::RsqrtOp, pg::ExpOp,
             pg::LogOp, pg::TanhOp, pg::SigmoidOp, pg::CosOp, pg::SinOp,
             pg::FloorOp, pg::RoundOp, pg::RoundF16Op, pg::CompareOp,
             pg::SelectOp, pg::ConvertOp>(op);
}

bool isAlignedSlice(pg::SliceOp slice) {
  ArrayRef<int64_t> shape = pg::getTensorType(slice.getX()).getShape(),
                    sizes = slice.getSizes();
  int64_t last = -1; // the last axis that is cut
  for (auto [axis, size] : llvm::enumerate(sizes))
    if (size != shape[axis])
      last = axis;
  int64_t offset = 0, stride = 1;
  for (int64_t axis = shape.size() - 1; axis >= 0; --axis) {
    if (axis < last && sizes[axis] != 1)
      return false;
    offset += slice.getOffsets()[axis] * stride;
    stride *= shape[axis];
  }
  Type element = pg::getTensorType(slice.getX()).getElementType();
  int64_t bytes = llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  return offset * bytes % 64 == 0;
}

Role getRole(Operation *op) {
  if (op->hasTrait<OpTrait::IsTerminator>())
    return Role::Terminator;
  if (isElementwise(op))
    return Role::Row;
  return llvm::TypeSwitch<Operation *, Role>(op)
      .Case<pg::ConstantOp>([](pg::ConstantOp constant) {
        auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
        return elements && elements.isSplat() ? Role::Free : Role::Source;
      })
      .Case<pg::SplatOp>([](auto) { return Role::Free; })
      .Case<pg::LoadOp>([](auto) { return Role::Source; })
      .Case<pg::StoreOp, pg::AccumulateOp>([](auto) { return Role::Sink; })
      .Case<pg::ReshapeOp>([](auto) { return Role::View; })
      .Case<pg::SliceOp>([](pg::SliceOp slice) {
        return isAlignedSlice(slice) ? Role::View : Role::Row;
      })
      .Case<pg::ReduceOp, pg::PartialSumOp, pg::BroadcastOp, pg::PadOp,
            pg::TransposeOp, pg::RopeOp, pg::PickOp, pg::IotaOp>(
          [](auto) { return Role::Row; })
      .Case<pg::LinearOp, pg::MatmulOp, pg::PackedMatmulOp, pg::PackOp>(
          [](auto) { return Role::Product; })
      .Case<pg::AttentionOp>([](auto) { return Role::Attention; })
      .Case<pg::AttentionGradOp>([](auto) { return Role::AttentionGrad; })
      .Case<pg::EmbedOp>([](auto) { return Role::Embed; })
      .Case<pg::EmbedGradOp>([](auto) { return Role::EmbedGrad; })
      .Case<pg::ConcatOp>([](auto) { return Role::Concat; })
      .Case<pg::GptqOp, pg::SvdOp>([](auto) { return Role::Host; })
      .Default([](Operation *op) {
        bool tensors =
            llvm::any_of(op->getResultTypes(), llvm::IsaPred<RankedTensorType>);
        return tensors ? Role::Loops : Role::StepValue;
      });
}

ArrayRef<int64_t> getIterationShape(Operation *op) {
  if (isa<pg::ReduceOp, pg::PartialSumOp, pg::SliceOp, pg::PickOp,
          pg::TransposeOp>(op))
    return pg::getTensorType(op->getOperand(0)).getShape();
  return pg::getTensorType(op->getResult(0)).getShape();
}

int64_t getRowAxes(Operation *op) {
  int64_t rank = getIterationShape(op).size();
  auto firstWhere = [&](auto differs) {
    int64_t axis = 0;
    while (axis < rank && !differs(axis))
      ++axis;
    return axis;
  };
  return llvm::TypeSwitch<Operation *, int64_t>(op)
      .Case<pg::ReduceOp>([&](pg::ReduceOp reduce) {
        return firstWhere([&](int64_t axis) {
          return llvm::is_contained(reduce.getAxes(), axis);
        });
      })
      .Case<pg::PartialSumOp>(
          [](pg::PartialSumOp sum) { return sum.getOuter(); })
      .Case<pg::SliceOp>([&](pg::SliceOp slice) {
        return firstWhere([&](int64_t axis) {
          return slice.getSizes()[axis] !=
                 pg::getTensorType(slice.getX()).getShape()[axis];
        });
      })
      .Case<pg::PadOp>([&](pg::PadOp pad) {
        return firstWhere([&](int64_t axis) {
          return pad.getLow()[axis] || pad.getHigh()[axis];
        });
      })
      .Case<pg::TransposeOp>([&](pg::TransposeOp transpose) {
        return firstWhere([&](int64_t axis) {
          return transpose.getPermutation()[axis] != axis;
        });
      })
      .Case<pg::IotaOp>([](pg::IotaOp iota) { return iota.getAxis(); })
      .Case<pg::RopeOp>([](auto) { return 2; })
      .Case<pg::PickOp>([&](auto) { return rank - 1; })
      .Default(rank);
}

int64_t getBytes(Value tensor) {
  return pg::sched::getByteSize(pg::getTensorType(tensor));
}

Value getViewed(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (getRole(op) != Role::View)
      break;
    value = op->getOperand(0);
  }
  return value;
}

Operation *getProducer(Value value) { return getViewed(value).getDefiningOp(); }

} // namespace pgc
