// Reads attention kernels, and cuts them into chunks and blocks.
#include "compiler/kernels/Attention.h"
#include "dialects/pg/Pg.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

static RankedTensorType getTensor(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The kernel's argument behind an operand, which it may convert.
static FailureOr<AttentionOperand> findOperand(Value value) {
  Type wanted = getTensor(value).getElementType();
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<pg::ReshapeOp, pg::ConvertOp>(op))
      return op->emitError(
                 "an attention kernel cannot compute its operand with '")
             << op->getName() << "'";
    value = op->getOperand(0);
  }
  Type stored = getTensor(value).getElementType();
  bool round = stored.isF32() && wanted.isBF16(),
       widen = stored.isBF16() && wanted.isF32();
  if (stored != wanted && !round && !widen)
    return emitError(value.getLoc(),
                     "an attention kernel cannot convert its operand from ")
           << stored << " to " << wanted;
  return AttentionOperand{cast<BlockArgument>(value).getArgNumber(), stored,
                          round};
}

/// The largest divisor of `n` up to `limit`.
static int64_t largestDivisor(int64_t n, int64_t limit) {
  for (int64_t d = std::min(n, limit); d > 1; --d)
    if (n % d == 0)
      return d;
  return 1;
}

FailureOr<Attention> analyzeAttention(KernelOp kernel, StringRef opName) {
  Attention attention;
  for (Operation &op : kernel.getBlock())
    if (op.getName().getStringRef() == opName) {
      if (attention.op)
        return op.emitError("an attention kernel holds one '")
                   << opName << "', not two",
               failure();
      attention.op = &op;
    }
  if (!attention.op)
    return kernel.emitOpError("of kind '")
               << kernel.getKind() << "' holds no '" << opName << "'",
           failure();
  Value segment;
  unsigned count = attention.op->getNumOperands();
  if (auto op = dyn_cast<pg::AttentionOp>(attention.op))
    segment = op.getSegment();
  else
    segment = cast<pg::AttentionGradOp>(attention.op).getSegment();
  for (Value value :
       attention.op->getOperands().take_front(count - (segment ? 1 : 0))) {
    FailureOr<AttentionOperand> operand = findOperand(value);
    if (failed(operand))
      return failure();
    attention.operands.push_back(*operand);
  }
  if (segment) {
    FailureOr<AttentionOperand> operand = findOperand(segment);
    if (failed(operand))
      return failure();
    attention.segment = *operand;
  }

  attention.outputs.resize(attention.op->getNumResults());
  for (auto [i, yielded] : llvm::enumerate(kernel.getYielded())) {
    Value value = yielded;
    while (Operation *op = value.getDefiningOp()) {
      if (!isa<pg::ReshapeOp, pg::ConvertOp>(op))
        break;
      value = op->getOperand(0);
    }
    if (value.getDefiningOp() != attention.op || kernel.accumulates(i))
      return kernel.emitOpError("of kind '")
                 << kernel.getKind() << "' can only store results of its '"
                 << opName << "'",
             failure();
    Type element = getTensor(yielded).getElementType();
    if (!isa<FloatType>(element))
      return kernel.emitOpError("of kind '")
                 << kernel.getKind() << "' cannot store a result as "
                 << element,
             failure();
    unsigned buffer = kernel.getTensorArguments().size() + i;
    attention.outputs[cast<OpResult>(value).getResultNumber()].push_back(
        {buffer, element});
  }

  RankedTensorType q = getTensor(attention.op->getOperand(0));
  attention.operand = q.getElementType();
  attention.batch = q.getDimSize(0);
  attention.queries = q.getDimSize(1);
  attention.positions = getTensor(attention.op->getOperand(1)).getDimSize(1);
  attention.queryHeads = q.getDimSize(2);
  attention.width = q.getDimSize(3);
  attention.keyHeads = getTensor(attention.op->getOperand(1)).getDimSize(2);
  if (q.getNumElements() == 0)
    return attention.op->emitError(
               "an attention kernel needs sizes of at least 1"),
           failure();

  // About 64 lanes: enough to reuse what is read from the cache; the fewer, the
  // less is computed above the diagonal.
  attention.heads = largestDivisor(attention.getGroup(), 8);
  int64_t limit = llvm::alignTo(attention.queries, panelColumns);
  attention.rows = std::min<int64_t>(
      limit,
      llvm::alignTo(std::max<int64_t>(64 / attention.heads, 1), panelColumns));
  return attention;
}

LogicalResult setAttentionPlan(KernelOp kernel, const Attention &attention,
                               int64_t chunks, int64_t scratch,
                               int64_t products) {
  if (kernel.getChunks() && static_cast<int64_t>(*kernel.getChunks()) != chunks)
    return kernel.emitOpError("of kind '")
           << kernel.getKind() << "' falls into " << chunks << " chunks, not "
           << *kernel.getChunks();
  int64_t bytes = 0;
  for (BlockArgument argument : kernel.getTensorArguments())
    bytes += pg::sched::getByteSize(getTensor(argument));
  for (Value value : kernel.getYielded())
    bytes += pg::sched::getByteSize(getTensor(value));
  kernel.setChunks(chunks);
  kernel.setScratch(scratch);
  kernel.setFlops(2 * products * attention.batch * attention.queryHeads *
                  attention.width * attention.getPairs());
  kernel.setBytes(bytes);
  return success();
}

} // namespace pgc
