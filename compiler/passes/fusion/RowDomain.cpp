#include "compiler/passes/fusion/RowDomain.h"
#include "compiler/passes/fusion/OpFacts.h"

using namespace mlir;

namespace pgc {

Domain getTokenDomain(func::FuncOp function) {
  for (Type type : function.getArgumentTypes())
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      if (tensor.getRank() == 2 && tensor.getElementType().isInteger(64))
        return Domain(tensor.getShape());
  return {};
}

bool hasRows(ArrayRef<int64_t> shape, const Domain &domain) {
  return shape.size() >= domain.size() &&
         shape.take_front(domain.size()) == ArrayRef<int64_t>(domain);
}

SmallVector<Domain> getTokenDomains(func::FuncOp function) {
  SmallVector<Domain> domains;
  Domain tokens = getTokenDomain(function);
  if (tokens.empty())
    return domains;
  domains.push_back(tokens);
  if (auto lengths = function->getAttrOfType<DenseI64ArrayAttr>("pg.lengths"))
    for (int64_t length : lengths.asArrayRef())
      domains.push_back({tokens[0], length});
  return domains;
}

Domain chooseDomain(Operation *op, ArrayRef<Domain> tokens) {
  ArrayRef<int64_t> shape = getIterationShape(op);
  if (auto sum = dyn_cast<pg::PartialSumOp>(op))
    return Domain(shape.take_front(sum.getOuter()));
  int64_t rowAxes = getRowAxes(op);
  for (const Domain &domain : tokens)
    if (rowAxes >= 2 && hasRows(shape, domain))
      return domain;
  if (shape.size() >= 2 && rowAxes >= 1 && shape.front() > 1)
    return {shape.front()};
  return {};
}

int64_t getChunks(const Domain &domain) {
  // Few enough that their partial sums are cheap to add up, enough for the
  // threads of a large machine; a chunk of 4 rows and more is worth a call.
  // Of very many rows, as a GPU takes at once, each of its 132 processors wants
  // four.
  int64_t rows = 1;
  for (int64_t size : domain)
    rows *= size;
  return std::max(std::clamp<int64_t>(rows / 4, 1, 64),
                  std::min<int64_t>(rows / 128, 4 * 132));
}

bool isActivation(RankedTensorType type, ArrayRef<Domain> tokens) {
  return llvm::any_of(tokens, [&](const Domain &domain) {
    int64_t rows = 1;
    for (int64_t size : domain)
      rows *= size;
    return !domain.empty() && hasRows(type.getShape(), domain) &&
           type.getNumElements() > rows * smallPerToken;
  });
}

bool readsSameRow(Operation *op, unsigned index, const Domain &domain) {
  Value value = op->getOperand(index);
  if (!domain.empty()) {
    // Elementwise operands are lined up at the last axis: rows meet rows only
    // if the ranks agree.
    bool linesUpAtEnd = isElementwise(op) || isa<pg::BroadcastOp>(op);
    int64_t rank = pg::getTensorType(value).getRank();
    if (linesUpAtEnd && rank != pg::getTensorType(op->getResult(0)).getRank())
      return false;
    if (isa<pg::RopeOp>(op) && index != 0)
      return false;
  }
  if (!hasRows(pg::getTensorType(value).getShape(), domain))
    return false;
  while (auto reshape = value.getDefiningOp<pg::ReshapeOp>()) {
    value = reshape.getX();
    if (!hasRows(pg::getTensorType(value).getShape(), domain))
      return false;
  }
  Operation *producer = value.getDefiningOp();
  return producer && getRole(producer) == Role::Row &&
         !isa<pg::PartialSumOp>(producer);
}

} // namespace pgc
