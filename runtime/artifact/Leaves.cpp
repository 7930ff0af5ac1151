#include "runtime/artifact/Leaves.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/support/Error.h"
#include "runtime/support/Half.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace pgrt {

static const plan::Parameter &parameterOf(const plan::Plan &plan,
                                          int quantizer) {
  return plan.parameters(
      int(plan.quantization().quantizers(quantizer).parameter()));
}

std::vector<StoredLeaf> describeLeaves(const plan::Plan &plan) {
  std::vector<StoredLeaf> leaves;
  for (int i = 0; i < plan.quantization().quantizers_size(); ++i)
    for (const plan::Leaf &leaf : plan.quantization().quantizers(i).leaves()) {
      StoredLeaf stored;
      stored.leaf = &leaf;
      stored.quantizer = i;
      stored.elements = 1;
      for (int64_t size : leaf.shape())
        stored.elements *= size;
      leaves.push_back(std::move(stored));
    }
  return leaves;
}

namespace {
/// The values of a leaf as double.
std::vector<double> readValues(const Executor &executor,
                               const StoredLeaf &stored, plan::Type type) {
  std::vector<double> values(static_cast<size_t>(stored.elements));
  const void *from = executor.address(stored.leaf->slot());
  int64_t bytes = stored.elements * typeBytes(type);
  if (type == plan::F64) {
    executor.device().read(values.data(), from, bytes);
  } else {
    std::vector<float> narrow(values.size());
    executor.device().read(narrow.data(), from, bytes);
    std::copy(narrow.begin(), narrow.end(), values.begin());
  }
  return values;
}

void appendElement(std::string &bytes, int64_t value, int64_t size) {
  for (int64_t i = 0; i < size; ++i)
    bytes.push_back(char(uint64_t(value) >> (8 * i) & 0xff));
}

std::string encode(const StoredLeaf &stored, const std::vector<double> &values,
                   const std::string &parameter) {
  const plan::Leaf &leaf = *stored.leaf;
  std::string bytes;
  bytes.reserve(values.size() * size_t(stored.elementBytes()));
  for (size_t i = 0; i < values.size(); ++i) {
    double value = values[i];
    if (leaf.kind() == plan::Leaf::CODES) {
      if (!(value >= double(leaf.lo()) && value <= double(leaf.hi())) ||
          value != std::floor(value))
        failInput("quantising '", parameter, "': code ", i, " is ", value,
                  ", not a whole number in ", leaf.lo(), " … ", leaf.hi(),
                  ": the rule must round, and clamp to what it gives codes()");
      appendElement(bytes, int64_t(value), stored.elementBytes());
    } else {
      uint16_t half = 0;
      if (!std::isfinite(value) || !exactHalf(value, half))
        failInput("quantising '", parameter, "': element ", i,
                  " of a float16 tensor is ", value,
                  std::isfinite(value)
                      ? ", which float16 does not hold"
                      : ": the weights or their Hessian are not finite, or the "
                        "value exceeds 65504");
      appendElement(bytes, half, 2);
    }
  }
  return bytes;
}

std::vector<double> decode(const StoredLeaf &stored) {
  std::vector<double> values;
  values.reserve(size_t(stored.elements));
  const char *at = stored.bytes.data();
  for (int64_t i = 0; i < stored.elements; ++i) {
    if (stored.elementBytes() == 1) {
      values.push_back(double(int8_t(at[i])));
      continue;
    }
    uint16_t bits = uint16_t(uint8_t(at[2 * i]) | uint8_t(at[2 * i + 1]) << 8);
    values.push_back(stored.leaf->kind() == plan::Leaf::F16
                         ? double(halfToFloat(bits))
                         : double(int16_t(bits)));
  }
  return values;
}
} // namespace

std::vector<StoredLeaf> readLeaves(const Executor &executor) {
  std::vector<StoredLeaf> leaves = describeLeaves(executor.plan());
  executor.device().onHostThreads(int64_t(leaves.size()), [&](int64_t i) {
    StoredLeaf &stored = leaves[size_t(i)];
    const plan::Parameter &parameter =
        parameterOf(executor.plan(), stored.quantizer);
    stored.bytes =
        encode(stored, readValues(executor, stored, parameter.type()),
               parameter.name());
  });
  return leaves;
}

void writeLeaves(const Executor &executor,
                 const std::vector<StoredLeaf> &leaves) {
  executor.device().onHostThreads(int64_t(leaves.size()), [&](int64_t i) {
    const StoredLeaf &stored = leaves[size_t(i)];
    const plan::Parameter &parameter =
        parameterOf(executor.plan(), stored.quantizer);
    std::vector<double> values = decode(stored);
    if (stored.leaf->kind() == plan::Leaf::CODES)
      for (double value : values)
        if (value < double(stored.leaf->lo()) ||
            value > double(stored.leaf->hi()))
          failInput("the artifact contradicts itself: a code of '",
                    parameter.name(), "' is ", value, ", not in ",
                    stored.leaf->lo(), " … ", stored.leaf->hi());
    void *to = executor.address(stored.leaf->slot());
    if (parameter.type() == plan::F64) {
      executor.device().write(to, values.data(), stored.elements * 8);
    } else {
      std::vector<float> narrow(values.begin(), values.end());
      executor.device().write(to, narrow.data(), stored.elements * 4);
    }
  });
}

artifact::Table makeTable(const plan::Plan &plan) {
  artifact::Table table;
  table.set_vocab(plan.vocab());
  const std::string *before = nullptr;
  for (const StoredLeaf &stored : describeLeaves(plan)) {
    artifact::Leaf *leaf = table.add_leaves();
    const std::string &name = parameterOf(plan, stored.quantizer).name();
    if (!before || *before != name)
      leaf->set_parameter(name);
    before = &name;
    leaf->set_kind(uint32_t(stored.leaf->kind()));
    leaf->set_lo(stored.leaf->lo());
    leaf->set_hi(stored.leaf->hi());
    *leaf->mutable_shape() = stored.leaf->shape();
  }
  return table;
}

void checkTable(const plan::Plan &plan, const artifact::Table &table) {
  artifact::Table wanted = makeTable(plan);
  if (table.vocab() != wanted.vocab())
    failInput("the artifact is of a vocabulary of ", table.vocab(),
              ", the plan of ", wanted.vocab());
  if (table.leaves_size() != wanted.leaves_size())
    failInput("the artifact stores ", table.leaves_size(),
              " tensors, the plan reads ", wanted.leaves_size());
  std::string name;
  for (int i = 0; i < wanted.leaves_size(); ++i) {
    if (!wanted.leaves(i).parameter().empty())
      name = wanted.leaves(i).parameter();
    if (table.leaves(i).SerializeAsString() !=
        wanted.leaves(i).SerializeAsString())
      failInput("the artifact's tensor ", i,
                " is not the one that the plan reads for '", name, "'");
  }
}

} // namespace pgrt
