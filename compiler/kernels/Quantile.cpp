#include "compiler/kernels/Quantile.h"

using namespace mlir;

namespace pgc {
namespace {

/// Selection by halving the range of what the bits of a number can be. Bits of
/// floats, seen as whole numbers, rise with the float; those of negative ones
/// fall, until all but their sign is turned around.
class Selection {
public:
  Selection(KernelBuilder &k, Type element, int64_t n,
            function_ref<Value(Value)> at)
      : k(k), element(element), n(n), at(at),
        width(element.getIntOrFloatBitWidth()),
        bits(k.b.getIntegerType(width)) {}

  /// The key of the scalar that has rank `rank`, from 0.
  Value keyOfRank(int64_t rank) {
    int64_t least = width == 64 ? INT64_MIN : INT32_MIN;
    Value lowest = k.integer(bits, least); // as a step: half of the range
    return k.loop(
        k.index(0), k.index(width), 1, {lowest, lowest},
        [&](Value, ValueRange carried) -> SmallVector<Value> {
          Value step = carried[1],
                middle = arith::AddIOp::create(k.b, k.loc, carried[0], step);
          Value below = count(arith::CmpIPredicate::slt, middle);
          Value isAbove = arith::CmpIOp::create(
              k.b, k.loc, arith::CmpIPredicate::sle, below, k.index(rank));
          return {
              arith::SelectOp::create(k.b, k.loc, isAbove, middle, carried[0]),
              arith::ShRUIOp::create(k.b, k.loc, step, k.integer(bits, 1))};
        })[0];
  }

  /// The key of rank `rank` + 1, where `key` is that of rank `rank`.
  Value keyAfter(Value key, int64_t rank) {
    Value atMost = count(arith::CmpIPredicate::sle, key);
    int64_t most = width == 64 ? INT64_MAX : INT32_MAX;
    Value next =
        k.loop(k.index(0), k.index(n), 1, {k.integer(bits, most)},
               [&](Value j, ValueRange carried) -> SmallVector<Value> {
                 Value other = keyAt(j);
                 Value isCloser = arith::AndIOp::create(
                     k.b, k.loc, compare(arith::CmpIPredicate::sgt, other, key),
                     compare(arith::CmpIPredicate::slt, other, carried[0]));
                 return {arith::SelectOp::create(k.b, k.loc, isCloser, other,
                                                 carried[0])};
               })[0];
    Value repeats = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::sge,
                                          atMost, k.index(rank + 2));
    return arith::SelectOp::create(k.b, k.loc, repeats, key, next);
  }

  Value toFloat(Value key) {
    return arith::BitcastOp::create(k.b, k.loc, element, turn(key));
  }

private:
  Value compare(arith::CmpIPredicate predicate, Value a, Value b) {
    return arith::CmpIOp::create(k.b, k.loc, predicate, a, b);
  }

  /// From bits to keys, and back.
  Value turn(Value x) {
    Value sign =
        arith::ShRSIOp::create(k.b, k.loc, x, k.integer(bits, width - 1));
    int64_t most = width == 64 ? INT64_MAX : INT32_MAX;
    return arith::XOrIOp::create(
        k.b, k.loc, x,
        arith::AndIOp::create(k.b, k.loc, sign, k.integer(bits, most)));
  }

  Value keyAt(Value j) {
    return turn(arith::BitcastOp::create(k.b, k.loc, bits, at(j)));
  }

  /// How many keys compare so with the bound.
  Value count(arith::CmpIPredicate predicate, Value bound) {
    return k.loop(
        k.index(0), k.index(n), 1, {k.index(0)},
        [&](Value j, ValueRange sum) -> SmallVector<Value> {
          Value hit = compare(predicate, keyAt(j), bound);
          return {k.add(sum[0], arith::ExtUIOp::create(k.b, k.loc,
                                                       k.b.getI64Type(), hit))};
        })[0];
  }

  KernelBuilder &k;
  Type element;
  int64_t n;
  function_ref<Value(Value)> at;
  int64_t width;
  Type bits;
};

} // namespace

Value buildQuantile(KernelBuilder &k, Type element, int64_t n, double place,
                    function_ref<Value(Value)> at) {
  Selection selection(k, element, n, at);
  int64_t below = static_cast<int64_t>(place);
  Value key = selection.keyOfRank(below), x = selection.toFloat(key);
  if (below + 1 >= n || place == static_cast<double>(below))
    return x;
  Value y = selection.toFloat(selection.keyAfter(key, below));
  Value share = k.constant(element, place - static_cast<double>(below));
  return k.fma(share, k.subf(y, x), x);
}

} // namespace pgc
