#include "runtime/predict/KernelTime.h"

#include <algorithm>

namespace pgrt {

const char *boundName(Bound bound) {
  switch (bound) {
  case Bound::TensorCores:
    return "tensor cores";
  case Bound::Vector:
    return "arithmetic";
  case Bound::Memory:
    return "memory";
  case Bound::Latency:
    return "latency";
  }
  return "?";
}

double waveEfficiency(int64_t tiles, int64_t multiprocessors) {
  int64_t waves = (tiles + multiprocessors - 1) / multiprocessors;
  return double(tiles) / double(waves * multiprocessors);
}

namespace {

struct Arithmetic {
  double rate = 0;
  const char *name = "";
  bool tensorCores = false;
  double share = 1; // of the multiprocessors that are used
};

double atDepth(const Machine::ProductRate &product, double k) {
  return product.rate * k / (k + product.half);
}

/// Not knowing k is taken as the shortest that pays at all.
double depthOf(const KernelFacts &facts) {
  return facts.k ? double(facts.k) : 256;
}

/// The share of the multiprocessors that have anything to do.
double used(int64_t tiles, int64_t multiprocessors) {
  return double(std::min(tiles, multiprocessors)) / double(multiprocessors);
}

// A library's tiles are not known. 128 x 128 is what it falls back to when
// there are few; with fewer than multiprocessors it may cut k into pieces of at
// least 1024 and add them.
Arithmetic libraryRate(const KernelFacts &facts, const Machine &machine) {
  if (!facts.bf16)
    return {machine.vectorProduct, "product without tensor cores, tiled"};
  constexpr int64_t tile = 128, shortest = 1024;
  auto tilesAlong = [](int64_t size) { return (size + tile - 1) / tile; };
  int64_t tiles = tilesAlong(facts.m) * tilesAlong(facts.n) * facts.batch;
  int64_t pieces = std::max<int64_t>(
      1, std::min(machine.multiprocessors / tiles, facts.k / shortest));
  // Tiles that stick out compute what nobody asked for.
  double whole = double(tiles) * tile * tile;
  double useful = double(facts.m) * double(facts.n) * double(facts.batch);
  double rate =
      atDepth(machine.libraryProduct, double(facts.k) / double(pieces)) *
      useful / whole * waveEfficiency(tiles * pieces, machine.multiprocessors);
  return {rate, "library product", true};
}

Arithmetic ownProductRate(const KernelFacts &facts, const Machine &machine) {
  if (facts.instructions == Instructions::None)
    return facts.sharedBytes > 0
               ? Arithmetic{machine.vectorProduct,
                            "product without tensor cores, tiled"}
               : Arithmetic{machine.plainProduct,
                            "product without tensor cores, plain"};
  bool wgmma = facts.instructions == Instructions::Wgmma;
  double rate = atDepth(wgmma ? machine.tiledProduct : machine.mmaProduct,
                        depthOf(facts));
  return {rate * waveEfficiency(facts.blocks, machine.multiprocessors),
          wgmma ? "own product" : "own product with mma.sync", true,
          used(facts.blocks, machine.multiprocessors)};
}

Arithmetic attentionRate(const KernelFacts &facts, const Machine &machine) {
  bool backward = facts.kind == "attention_grad";
  switch (facts.instructions) {
  case Instructions::Wgmma:
    return {backward ? machine.attentionGrad : machine.attention,
            backward ? "attention, backward" : "attention", true};
  case Instructions::Mma:
    return {backward ? machine.mmaAttentionGrad : machine.mmaAttention,
            backward ? "attention with mma.sync, backward"
                     : "attention with mma.sync",
            true};
  case Instructions::None:
    break;
  }
  return {machine.plainProduct, "product without tensor cores, plain"};
}

Arithmetic arithmeticOf(const KernelFacts &facts, const Machine &machine) {
  if (facts.kind == "library")
    return libraryRate(facts, machine);
  if (facts.kind == "product")
    return ownProductRate(facts, machine);
  if (facts.kind == "attention" || facts.kind == "attention_grad")
    return attentionRate(facts, machine);
  if (facts.kind == "loops")
    return {machine.plainProduct, "product without tensor cores, plain"};
  return {machine.vector, "elementwise arithmetic"};
}

// What the threads of a grid have in flight divided by how long it flies; all
// that memory gives where that is more, or a library sees to it.
double memoryRate(const KernelFacts &facts, const Machine &machine) {
  if (facts.blocks == 0 || facts.instructions == Instructions::Wgmma)
    return machine.memory;
  int64_t resident =
      std::min(facts.blocks * facts.threads,
               machine.multiprocessors * machine.residentThreads);
  return std::min(machine.memory, double(resident) * machine.bytesInFlight /
                                      machine.memoryLatency);
}

} // namespace

KernelTime predictKernel(const KernelFacts &facts, const Machine &machine) {
  Arithmetic arithmetic = arithmeticOf(facts, machine);
  double computing = facts.flops > 0 ? facts.flops / arithmetic.rate : 0;
  double moving = facts.bytes / memoryRate(facts, machine);
  double fixed = machine.gap + machine.ramp;
  KernelTime time;
  time.seconds = fixed + std::max(computing, moving);
  time.rate = arithmetic.rate;
  time.rateName = arithmetic.name;
  time.share = computing > moving ? arithmetic.share
               : moving > 0       ? facts.bytes / machine.memory / moving
                                  : 0;
  // Memory that could be faster waits for its threads.
  bool starved = moving > 1.01 * facts.bytes / machine.memory;
  if (std::max(computing, moving) < fixed || (moving >= computing && starved))
    time.bound = Bound::Latency;
  else if (moving >= computing)
    time.bound = Bound::Memory;
  else
    time.bound = arithmetic.tensorCores ? Bound::TensorCores : Bound::Vector;
  return time;
}

double publishedRate(const KernelFacts &facts, const Machine &machine,
                     bool ordered) {
  if (facts.kind == "library" ? !facts.bf16
                              : facts.instructions == Instructions::None)
    return 0;
  if (facts.kind == "library" || facts.kind == "product")
    return atDepth(machine.libraryProduct, depthOf(facts));
  if (facts.kind == "attention")
    return machine.attention;
  if (facts.kind == "attention_grad")
    return ordered ? machine.orderedAttentionGrad : machine.attentionGrad;
  return 0;
}

KernelTime predictTransfer(double bytesMoved, const Machine &machine) {
  KernelFacts facts;
  facts.bytes = bytesMoved;
  return predictKernel(facts, machine);
}

} // namespace pgrt
