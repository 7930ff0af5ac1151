// x[0], x[a..b], x[k..], x[..., 0..12]: of lists and of tensors.
#include "compiler/frontend/Evaluator.h"

namespace pgc {

namespace {
/// One index, evaluated: an element, or the half-open range from begin to end.
struct Subscript {
  bool isRange = false;
  int64_t begin = 0;
  std::optional<int64_t> end;
  llvm::StringRef endName;
  const ast::Expr *expr = nullptr;
};
} // namespace

static std::string text(const Subscript &s, int64_t size) {
  if (!s.isRange)
    return std::to_string(s.begin);
  return std::to_string(s.begin) + ".." + std::to_string(s.end.value_or(size));
}

Value Evaluator::index(const ast::Index &expr, Scope &scope) {
  Value base = evaluate(*expr.base, scope);
  std::vector<Subscript> subscripts;
  bool ellipsis = false, failed = false;
  for (const ast::ExprPtr &part : expr.indices) {
    if (llvm::isa<ast::Ellipsis>(*part)) {
      ellipsis = true;
      continue;
    }
    Subscript s;
    s.expr = part.get();
    if (auto *range = llvm::dyn_cast<ast::Range>(part.get())) {
      s.isRange = true;
      auto begin = requireInteger(evaluate(*range->begin, scope),
                                  range->begin->range, "the start of a range");
      failed |= !begin;
      s.begin = begin.value_or(0);
      if (range->end) {
        Value end = evaluate(*range->end, scope);
        s.end = requireInteger(end, range->end->range, "the end of a range");
        s.endName = end.name();
        failed |= !s.end;
      }
    } else {
      auto i = requireInteger(evaluate(*part, scope), part->range, "an index");
      failed |= !i;
      s.begin = i.value_or(0);
    }
    subscripts.push_back(s);
  }
  if (failed || base.isPoison())
    return Value();
  auto outside = [&](const Subscript &s, int64_t size) {
    if (s.isRange)
      return s.begin < 0 || s.end.value_or(size) > size ||
             s.begin > s.end.value_or(size);
    return s.begin < 0 || s.begin >= size;
  };
  if (base.isList()) {
    const List &list = base.asList();
    int64_t size = list.size();
    if (ellipsis || subscripts.size() != 1)
      return error(expr.range, "a list has one index");
    const Subscript &s = subscripts[0];
    if (outside(s, size))
      return error(s.expr->range, "index " + text(s, size) + " of a list of " +
                                      std::to_string(size))
          .defines(*s.expr);
    if (!s.isRange)
      return list[s.begin];
    return Value::list(
        List(list.begin() + s.begin, list.begin() + s.end.value_or(size)));
  }
  if (!base.isTensor())
    return error(expr.range, base.kindName().str() + " has no elements");

  const Tensor &x = base.asTensor();
  if (subscripts.size() > x.rank())
    return error(expr.range, std::to_string(subscripts.size()) +
                                 " indices of a tensor " + describe(x.dims))
        .defines(x.dims);
  llvm::SmallVector<int64_t> offsets(x.rank(), 0);
  Dims sizes = x.dims, kept;
  llvm::SmallVector<bool> dropped(x.rank(), false);
  size_t axis = ellipsis ? x.rank() - subscripts.size() : 0;
  for (const Subscript &s : subscripts) {
    Dim &dim = sizes[axis];
    if (outside(s, dim.size))
      return error(s.expr->range, "index " + text(s, dim.size) +
                                      " of an axis of " + describe(dim))
          .detail("x : " + describe(x.dims))
          .defines(*s.expr)
          .defines(x.dims);
    offsets[axis] = s.begin;
    int64_t end = s.isRange ? s.end.value_or(dim.size) : s.begin + 1;
    if (end == s.begin)
      return error(s.expr->range,
                   "the range " + text(s, dim.size) + " is empty")
          .defines(*s.expr);
    bool whole = s.begin == 0 && end == dim.size && s.isRange;
    if (!whole)
      dim = {end - s.begin, s.begin == 0 ? s.endName : llvm::StringRef()};
    dropped[axis] = !s.isRange;
    ++axis;
  }
  for (size_t i = 0; i < x.rank(); ++i)
    if (!dropped[i])
      kept.push_back(sizes[i]);
  Value part = slice(x, offsets, sizes, expr.range);
  if (kept.size() == sizes.size())
    return part;
  return reshape(part.asTensor(), kept, expr.range);
}

} // namespace pgc
