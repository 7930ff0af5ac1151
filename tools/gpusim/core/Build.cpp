#include "tools/gpusim/core/Decode.h"

#include <cstring>

namespace gpusim {

void Build::refuse(const std::string &what) const {
  throw Fault(FaultKind::Unsupported, "PTX line " + std::to_string(text.line) +
                                          " `" + text.text + "`: " + what +
                                          " is not supported");
}

void Build::finish() const {
  for (size_t i = 0; i < used.size(); ++i)
    if (!used[i])
      refuse("the modifier ." + text.parts[i]);
}

bool Build::has(const char *modifier) {
  for (size_t i = 1; i < used.size(); ++i)
    if (!used[i] && text.parts[i] == modifier) {
      used[i] = true;
      return true;
    }
  return false;
}

int Build::oneOf(std::initializer_list<const char *> modifiers) {
  int index = 0;
  for (const char *modifier : modifiers) {
    if (has(modifier))
      return index;
    ++index;
  }
  return -1;
}

Type Build::type() {
  for (size_t i = 1; i < used.size(); ++i) {
    Type named = typeNamed(text.parts[i]);
    if (!used[i] && named != Type::None) {
      used[i] = true;
      return named;
    }
  }
  refuse("an instruction without its type");
}

std::string Build::prefixed(const std::string &prefix) {
  for (size_t i = 1; i < used.size(); ++i)
    if (!used[i] && text.parts[i].compare(0, prefix.size(), prefix) == 0) {
      used[i] = true;
      return text.parts[i];
    }
  return "";
}

Space Build::space() {
  static const std::pair<const char *, Space> spaces[] = {
      {"global", Space::Global},      {"shared", Space::Shared},
      {"shared::cta", Space::Shared}, {"shared::cluster", Space::Shared},
      {"local", Space::Local},        {"param", Space::Param},
      {"param::entry", Space::Param}, {"param::func", Space::Param},
      {"const", Space::Const}};
  for (auto [name, space] : spaces)
    if (has(name))
      return space;
  return Space::Generic;
}

const PtxOperand &Build::operand(size_t i) const {
  if (i >= text.operands.size())
    refuse("so few operands");
  return text.operands[i];
}

void Build::operands(size_t least, size_t most) const {
  if (count() < least || count() > most)
    refuse(std::to_string(count()) + " operands");
}

uint64_t Build::integer(size_t i) const {
  if (operand(i).kind != PtxOperand::Integer)
    refuse("an operand that is not a constant");
  return operand(i).bits;
}

void Build::constant(uint64_t bits) {
  Operand made;
  made.constant = bits;
  out.ops.push_back(made);
}

static uint64_t floatBits(const PtxOperand &operand, Type type) {
  if (operand.kind == PtxOperand::Float32 || type != Type::F32)
    return operand.bits;
  double value;
  std::memcpy(&value, &operand.bits, 8);
  float narrow = float(value);
  uint32_t bits;
  std::memcpy(&bits, &narrow, 4);
  return bits;
}

void Build::sourceOf(const PtxOperand &from, Type type) {
  Operand made;
  made.negated = from.negated;
  Space space;
  switch (from.kind) {
  case PtxOperand::Register:
    made.slot = frame.slotBase + from.index;
    break;
  case PtxOperand::Special:
    made.slot = decoder.specialSlot(*this, from.name);
    break;
  case PtxOperand::Integer: {
    unsigned bytes = typeBytes(type);
    made.constant = from.bits;
    if (bytes && bytes < 8)
      made.constant &= (uint64_t(1) << (8 * bytes)) - 1;
    break;
  }
  case PtxOperand::Float:
  case PtxOperand::Float32:
    made.constant = floatBits(from, type);
    break;
  case PtxOperand::Variable:
    made.constant =
        decoder.variable(*this, from, space) + uint64_t(from.offset);
    break;
  default:
    refuse("an operand of this form");
  }
  out.ops.push_back(made);
}

void Build::destinationOf(const PtxOperand &to, Type) {
  Operand made;
  if (to.kind == PtxOperand::Register)
    made.slot = frame.slotBase + to.index;
  else if (to.kind == PtxOperand::Sink)
    made.slot = decoder.newSlot();
  else
    refuse("a result that is not a register");
  out.ops.push_back(made);
  ++out.destinations;
}

void Build::destination(size_t i, Type type) {
  destinationOf(operand(i), type);
}
void Build::source(size_t i, Type type) { sourceOf(operand(i), type); }

void Build::destinations(size_t i, Type type) {
  if (operand(i).kind != PtxOperand::Vector)
    return destination(i, type);
  for (const PtxOperand &item : operand(i).items)
    destinationOf(item, type);
}

void Build::sources(size_t i, Type type) {
  if (operand(i).kind != PtxOperand::Vector)
    return source(i, type);
  for (const PtxOperand &item : operand(i).items)
    sourceOf(item, type);
}

void Build::address(size_t i) {
  const PtxOperand &from = operand(i);
  // Some take an address without brackets.
  const PtxOperand &base =
      from.kind == PtxOperand::Address ? from.items[0] : from;
  out.offset = from.offset;
  if (base.kind == PtxOperand::Variable) {
    Space space;
    Operand made;
    made.constant = decoder.variable(*this, base, space);
    // Parameters of expanded calls live with the thread.
    if (out.space == Space::Generic || out.space == Space::Param)
      out.space = space;
    out.ops.push_back(made);
    return;
  }
  sourceOf(base, Type::B64);
}

int Decoder::specialSlot(const Build &build, const std::string &name) {
  static const std::map<std::string, Special> known = [] {
    std::map<std::string, Special> names = {
        {"%laneid", Special::LaneId},
        {"%warpid", Special::WarpId},
        {"%nwarpid", Special::NWarpId},
        {"%smid", Special::SmId},
        {"%nsmid", Special::NSmId},
        {"%gridid", Special::GridId},
        {"%cluster_ctarank", Special::ClusterCtaRank},
        {"%cluster_nctarank", Special::ClusterNctaRank},
        {"%lanemask_eq", Special::LanemaskEq},
        {"%lanemask_le", Special::LanemaskLe},
        {"%lanemask_lt", Special::LanemaskLt},
        {"%lanemask_ge", Special::LanemaskGe},
        {"%lanemask_gt", Special::LanemaskGt},
        {"%dynamic_smem_size", Special::DynamicSmemSize},
        {"%total_smem_size", Special::TotalSmemSize}};
    const std::pair<const char *, Special> triples[] = {
        {"%tid", Special::TidX},
        {"%ntid", Special::NtidX},
        {"%ctaid", Special::CtaidX},
        {"%nctaid", Special::NctaidX},
        {"%clusterid", Special::ClusterIdX},
        {"%nclusterid", Special::NClusterIdX},
        {"%cluster_ctaid", Special::ClusterCtaidX},
        {"%cluster_nctaid", Special::ClusterNctaidX}};
    for (auto [base, first] : triples)
      for (int axis = 0; axis < 3; ++axis)
        names[std::string(base) + "." + "xyz"[axis]] =
            Special(int(first) + axis);
    return names;
  }();
  auto found = known.find(name);
  if (found == known.end())
    build.refuse("the special register " + name);
  for (auto [special, slot] : kernel.specials)
    if (special == found->second)
      return slot;
  int slot = newSlot();
  kernel.specials.push_back({found->second, slot});
  return slot;
}

} // namespace gpusim
