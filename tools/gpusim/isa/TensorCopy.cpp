// Bulk copies of tiles of tensors, with swizzles: cp.async.bulk.tensor.
#include "tools/gpusim/core/TensorMap.h"
#include "tools/gpusim/isa/AsyncCopies.h"

#include <algorithm>

namespace gpusim {
namespace {

Type elementType(uint8_t type) {
  // UINT8, UINT16, UINT32, INT32, UINT64, INT64, F16, F32, F64, BF16, and f32
  // with denormals as zero; the rest of f32 and tf32.
  static const Type types[] = {Type::U8,  Type::U16,  Type::U32, Type::S32,
                               Type::U64, Type::S64,  Type::F16, Type::F32,
                               Type::F64, Type::BF16, Type::F32, Type::F32,
                               Type::F32};
  return type < sizeof(types) / sizeof(types[0]) ? types[type] : Type::None;
}

TensorMap readMap(Warp &warp, int lane, uint64_t address) {
  if (address % 64)
    warp.fail(FaultKind::Misaligned, lane,
              "the tensor map's address " + hex(address) +
                  " is not a multiple of 64");
  TensorMap map;
  const uint8_t *low =
      warp.access(lane, address, 64, Space::Generic, Access::Read);
  warp.access(lane, address + 64, 64, Space::Generic, Access::Read);
  std::memcpy(&map, low, sizeof(map));
  if (map.magic != TensorMap::magicNumber || tensorMapCheck(map) != map.check)
    warp.fail(FaultKind::OutOfBounds, lane,
              "there is no tensor map at address " + hex(address));
  return map;
}

// Calls run(shared offset in the tile, global address, elements before, valid,
// after) for each row of the box: elements outside the tensor are not valid.
template <typename F>
void rows(const TensorMap &map, const int64_t *at, F run) {
  int64_t inner = map.box[0];
  int64_t before = std::clamp<int64_t>(-at[0], 0, inner);
  int64_t valid =
      std::clamp<int64_t>(int64_t(map.sizes[0]) - at[0], 0, inner) - before;
  valid = std::max<int64_t>(valid, 0);
  uint64_t count = 1;
  for (int d = 1; d < map.rank; ++d)
    count *= map.box[d];
  uint64_t index[5] = {};
  for (uint64_t row = 0; row < count; ++row) {
    bool inside = valid > 0;
    uint64_t address =
        map.address + uint64_t((at[0] + before) * map.elementBytes);
    for (int d = 1; d < map.rank; ++d) {
      int64_t c = at[d] + int64_t(index[d]);
      inside &= c >= 0 && c < int64_t(map.sizes[d]);
      address += uint64_t(c) * map.strides[d - 1];
    }
    run(row * uint64_t(inner) * map.elementBytes, address,
        uint64_t(before) * map.elementBytes,
        inside ? uint64_t(valid) * map.elementBytes : 0);
    for (int d = 1; d < map.rank && ++index[d] == map.box[d]; ++d)
      index[d] = 0;
  }
}

// The bytes of one row in shared memory, chunk by chunk where the swizzle
// parts them.
template <typename F>
void chunks(const TensorMap &map, uint64_t begin, uint64_t bytes, F run) {
  uint64_t done = 0;
  while (done < bytes) {
    uint64_t at = begin + done;
    uint64_t size = map.swizzle ? std::min(16 - at % 16, bytes - done) : bytes;
    run(map.swizzle ? swizzled(at, map.swizzle) : at, done, unsigned(size));
    done += size;
  }
}

uint64_t boxBytes(const TensorMap &map) {
  uint64_t bytes = map.elementBytes;
  for (int d = 0; d < map.rank; ++d)
    bytes *= map.box[d];
  return bytes;
}

// ops: shared, map, mbarrier or nothing, mask, coordinates. offset: of the
// shared address; mods: 0 offset of the mbarrier, 1 rank, 2 reduction, 3
// multicast, 4 offset of the map.
void copyTile(Warp &warp, const Instr &instr, int l, bool load, Cta *target) {
  TensorMap map = readMap(
      warp, l, warp.source(instr.ops[1])[l] + uint64_t(int64_t(instr.mods[4])));
  if (map.rank != instr.mods[1])
    warp.fail(FaultKind::OutOfBounds, l,
              "the tensor map has " + std::to_string(map.rank) + " dimensions");
  int64_t at[5];
  for (int d = 0; d < map.rank; ++d)
    at[d] = int32_t(warp.source(instr.ops[size_t(4 + d)])[l]);
  uint64_t shared = warp.source(instr.ops[0])[l] + uint64_t(instr.offset);
  uint64_t total = boxBytes(map);
  if (shared % 128)
    warp.fail(FaultKind::Misaligned, l,
              "the tile's shared address " + hex(shared) +
                  " is not a multiple of 128");
  SharedPlace place = warp.sharedPlace(l, shared, total, Space::Shared);
  Completion done = load ? completesOn(warp, l,
                                       warp.source(instr.ops[2])[l] +
                                           uint64_t(int64_t(instr.mods[0])),
                                       Space::Shared)
                         : completesInGroup(warp, l);
  if (target) { // multicast: the same places in that block
    place.cta = target;
    done.place.cta = target;
    auto found = target->mbarriers.find(done.place.offset);
    if (found == target->mbarriers.end())
      warp.fail(FaultKind::Barrier, l,
                "block " + std::to_string(target->rank) +
                    " of the cluster has no such mbarrier");
    done.barrier = &found->second;
    done.actor = warp.agentActor(l, mbarrierAgent(warp.cta.cluster, done.place),
                                 done.barrier->phase + 1);
  }
  done.actor.swizzle = uint8_t(1 + map.swizzle);
  uint64_t base = sharedBase + place.offset;
  std::vector<uint8_t> row(uint64_t(map.box[0]) * map.elementBytes);
  Type type = elementType(map.type);
  rows(map, at,
       [&](uint64_t offset, uint64_t address, uint64_t before, uint64_t valid) {
         if (load) {
           std::fill(row.begin(), row.end(), 0);
           if (valid)
             std::memcpy(row.data() + before,
                         warp.globalRead(l, address, valid), valid);
         } else if (!valid) {
           return;
         }
         uint8_t *global =
             load ? nullptr : warp.globalBytes(l, address, valid, true);
         chunks(map, base + offset, row.size(),
                [&](uint64_t where, uint64_t from, unsigned bytes) {
                  SharedPlace chunk{place.cta, uint32_t(where - sharedBase)};
                  uint8_t *data =
                      bulkShared(warp, l, chunk, bytes, load, done.actor);
                  if (load)
                    std::memcpy(data, row.data() + from, bytes);
                  else
                    std::memcpy(row.data() + from, data, bytes);
                });
         if (!load)
           reduceInto(warp, l, global, row.data() + before, valid, type,
                      Reduction(instr.mods[2]));
       });
  if (load)
    completeBytes(*done.barrier, done.place, int64_t(total));
}

void loadTile(Warp &warp, const Instr &instr, uint32_t mask) {
  lanes(mask, [&](int l) {
    if (!instr.mods[3])
      return copyTile(warp, instr, l, true, nullptr);
    uint32_t targets = uint32_t(warp.source(instr.ops[3])[l]) & 0xffff;
    auto &ctas = warp.cta.cluster.ctas;
    if (!targets || targets >> ctas.size())
      warp.fail(FaultKind::OutOfBounds, l,
                "the multicast mask " + hex(targets) + " in a cluster of " +
                    std::to_string(ctas.size()));
    lanes(targets, [&](int rank) {
      copyTile(warp, instr, l, true, ctas[size_t(rank)].get());
    });
  });
}
void storeTile(Warp &warp, const Instr &instr, uint32_t mask) {
  lanes(mask, [&](int l) { copyTile(warp, instr, l, false, nullptr); });
}
void nothing(Warp &, const Instr &, uint32_t) {}

} // namespace

void tensorRule(Build &b, Reduction reduction) {
  int rank = b.oneOf({"1d", "2d", "3d", "4d", "5d"}) + 1;
  if (!rank)
    b.refuse("this rank");
  b.has("tile");
  b.out.mods[1] = rank;
  b.out.mods[2] = int32_t(reduction);
  while (!b.prefixed("L2").empty()) {
  }
  if (b.has("prefetch")) {
    b.has("global");
    b.out.run = nothing;
    return;
  }
  bool load = b.has("mbarrier::complete_tx::bytes");
  if (!load && !b.has("bulk_group"))
    b.refuse("this completion");
  if (load ? !(b.has("shared::cluster") || b.has("shared::cta"))
           : !b.has("shared::cta"))
    b.refuse("this space");
  if (!b.has("global"))
    b.refuse("this space");
  bool multicast = b.has("multicast::cluster");
  b.out.mods[3] = multicast;
  size_t shared = load ? 0 : 1, tensor = load ? 1 : 0;
  b.operands(load ? 3u + multicast : 2, load ? 4u + multicast : 3);
  const PtxOperand &tile = b.operand(tensor);
  if (tile.kind != PtxOperand::Address || tile.items.size() != 2)
    b.refuse("a tile without its coordinates");
  b.address(shared);
  int64_t offset = b.out.offset;
  b.address(tensor);
  b.out.mods[4] = int32_t(b.out.offset);
  if (load)
    b.address(2);
  else
    b.constant(0);
  b.out.mods[0] = int32_t(b.out.offset);
  if (multicast)
    b.source(3, Type::B16);
  else
    b.constant(0);
  b.out.offset = offset;
  const PtxOperand &c = tile.items[1];
  if (c.kind == PtxOperand::Vector)
    for (const PtxOperand &item : c.items)
      b.sourceOf(item, Type::B32);
  else
    b.sourceOf(c, Type::B32);
  if (int(b.out.ops.size()) != 4 + rank)
    b.refuse("so many coordinates");
  b.out.run = load ? loadTile : storeTile;
}

} // namespace gpusim
