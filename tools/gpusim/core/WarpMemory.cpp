// Accesses of a lane to memory: bounds, alignment, first writes, races.
#include "tools/gpusim/core/Warp.h"

namespace gpusim {

static bool isWrite(Access kind) {
  return kind == Access::Write || kind == Access::Atomic ||
         kind == Access::VolatileWrite;
}
static bool isRead(Access kind) {
  return kind == Access::Read || kind == Access::Atomic ||
         kind == Access::VolatileRead;
}

Actor Warp::actor(int lane) const {
  Actor result;
  result.issuer = &clocks[lane];
  result.agent = clocks[lane].id;
  result.clock = clocks[lane].own;
  result.line = instr->line;
  return result;
}

Actor Warp::agentActor(int lane, uint32_t agent, uint32_t clock) const {
  Actor result = actor(lane);
  result.agent = agent;
  result.clock = clock;
  result.async = true;
  return result;
}

uint8_t *Warp::access(int lane, uint64_t address, unsigned bytes, Space space,
                      Access kind) {
  if (address % bytes)
    fail(FaultKind::Misaligned, lane,
         "address " + hex(address) + " is not a multiple of " +
             std::to_string(bytes));
  if (space == Space::Generic) {
    if (address >= sharedWindow && address < sharedWindow + windowBytes) {
      space = Space::Shared;
      address -= sharedWindow;
    } else if (address >= localWindow && address < localWindow + windowBytes) {
      space = Space::Local;
      address -= localWindow;
    } else if (address >= paramWindow && address < paramWindow + windowBytes) {
      space = Space::Param;
      address -= paramWindow;
    }
  }
  switch (space) {
  case Space::Shared:
    return sharedAccess(lane, address, bytes, space, kind);
  case Space::Local: {
    if (address + bytes > kernel.localBytes || address + bytes < address)
      fail(FaultKind::OutOfBounds, lane,
           "local address " + hex(address) + " of " +
               std::to_string(kernel.localBytes) + " bytes");
    uint64_t at = uint64_t(lane) * kernel.localBytes + address;
    if (isWrite(kind))
      localWritten.set(at, bytes);
    else if (cta.cluster.options.uninitialised &&
             localWritten.firstMissing(at, bytes) != bytes)
      fail(FaultKind::Uninitialised, lane,
           "local address " + hex(address) + " was never written");
    return local.data() + at;
  }
  case Space::Param:
    if (isWrite(kind) || address + bytes > cta.cluster.params.size())
      fail(FaultKind::OutOfBounds, lane,
           "parameter offset " + std::to_string(address) + " of " +
               std::to_string(cta.cluster.params.size()) + " bytes" +
               (isWrite(kind) ? " written" : ""));
    return const_cast<uint8_t *>(cta.cluster.params.data()) + address;
  case Space::Global:
  case Space::Const:
  case Space::Generic:
    break;
  }
  if (isRead(kind))
    globalRead(lane, address, bytes);
  return globalBytes(lane, address, bytes, isWrite(kind));
}

uint8_t *Warp::globalBytes(int lane, uint64_t address, uint64_t bytes,
                           bool write) {
  if (!lastAllocation || !lastAllocation->holds(address, 1)) {
    lastAllocation = cta.cluster.memory.find(address);
    if (!lastAllocation)
      fail(FaultKind::OutOfBounds, lane,
           "address " + hex(address) + ", " +
               cta.cluster.memory.describe(address));
    int device = cta.cluster.shape.device, owner = lastAllocation->device;
    if (owner != device && !cta.cluster.memory.peers.count({device, owner})) {
      lastAllocation = nullptr;
      fail(FaultKind::OutOfBounds, lane,
           "address " + hex(address) + " is memory of device " +
               std::to_string(owner) + ", to which device " +
               std::to_string(device) + " has no peer access");
    }
  }
  if (!lastAllocation->holds(address, bytes))
    fail(FaultKind::OutOfBounds, lane,
         std::to_string(bytes) + " bytes at address " + hex(address) + ", " +
             std::to_string(address + bytes - lastAllocation->base -
                            lastAllocation->bytes) +
             " past the end of " + std::to_string(lastAllocation->bytes) +
             " bytes at " + hex(lastAllocation->base));
  if (write) {
    if (lastAllocation->readOnly)
      fail(FaultKind::OutOfBounds, lane,
           "constant memory at " + hex(address) + " written");
    lastAllocation->written.set(address - lastAllocation->base, bytes);
  }
  return lastAllocation->data.get() + (address - lastAllocation->base);
}

const uint8_t *Warp::globalRead(int lane, uint64_t address, uint64_t bytes) {
  const uint8_t *data = globalBytes(lane, address, bytes, false);
  if (cta.cluster.options.uninitialised) {
    uint64_t good = lastAllocation->written.firstMissing(
        address - lastAllocation->base, bytes);
    if (good != bytes)
      fail(FaultKind::Uninitialised, lane,
           "address " + hex(address + good) + " was never written");
  }
  return data;
}

SharedPlace Warp::sharedPlace(int lane, uint64_t address, uint64_t bytes,
                              Space space) {
  if (space == Space::Generic || address >= sharedWindow) {
    if (address < sharedWindow || address >= sharedWindow + windowBytes)
      fail(FaultKind::OutOfBounds, lane,
           "address " + hex(address) + " is not in shared memory");
    address -= sharedWindow;
  }
  uint64_t rank = address >> clusterShift;
  uint64_t offset = address & ((uint64_t(1) << clusterShift) - 1);
  if (rank > cta.cluster.ctas.size() || offset < sharedBase ||
      offset - sharedBase + bytes > cta.sharedBytes)
    fail(FaultKind::OutOfBounds, lane,
         std::to_string(bytes) + " bytes at shared address " + hex(address) +
             "; the block has " + std::to_string(cta.sharedBytes) +
             " bytes from " + hex(sharedBase) + " on");
  Cta &home = rank ? *cta.cluster.ctas[rank - 1] : cta;
  return {&home, uint32_t(offset - sharedBase)};
}

void Warp::checkShared(int lane, const SharedPlace &place, uint64_t bytes,
                       bool write) {
  if (write) {
    auto barrier =
        place.cta->mbarriers.upper_bound(uint32_t(place.offset + bytes - 1));
    if (barrier != place.cta->mbarriers.begin() &&
        std::prev(barrier)->first + 8 > place.offset)
      fail(FaultKind::Barrier, lane,
           "writes over the mbarrier at shared address " +
               hex(sharedBase + std::prev(barrier)->first) +
               ", initialised at line " +
               std::to_string(std::prev(barrier)->second.line));
    place.cta->sharedWritten.set(place.offset, bytes);
  } else if (cta.cluster.options.uninitialised) {
    uint64_t good = place.cta->sharedWritten.firstMissing(place.offset, bytes);
    if (good != bytes)
      fail(FaultKind::Uninitialised, lane,
           "shared address " + hex(sharedBase + place.offset + good) +
               " was not written before: nobody writes it, or a barrier is "
               "missing");
  }
}

void Warp::checkRace(int lane, const SharedPlace &place, unsigned bytes,
                     bool write, const Actor &actor) {
  if (!cta.cluster.options.races)
    return;
  Conflict conflict =
      place.cta->shadow.access(place.offset, bytes, write, actor);
  if (conflict.kind == Conflict::None)
    return;
  static const char *swizzles[] = {"?", "no", "32-byte", "64-byte", "128-byte"};
  std::string where = "shared address " + hex(sharedBase + conflict.at);
  std::string other = cta.cluster.agentName(conflict.agent) + " at line " +
                      std::to_string(conflict.line);
  if (conflict.kind == Conflict::Swizzle)
    fail(FaultKind::Swizzle, lane,
         where + " was written with " + swizzles[conflict.swizzle] +
             " swizzle by " + other + " and is read with " +
             swizzles[actor.swizzle] + " swizzle");
  std::string deed = std::string(write ? "writes " : "reads ") + where + ", " +
                     (conflict.otherWrote ? "written" : "read") + " by " +
                     other;
  if (conflict.kind == Conflict::Proxy)
    fail(FaultKind::ProxyRace, lane,
         "the asynchronous proxy " + deed +
             " through the generic proxy, with no fence.proxy.async between");
  fail(FaultKind::Race, lane, deed + ", and nothing orders the two");
}

uint8_t *Warp::sharedAccess(int lane, uint64_t address, unsigned bytes,
                            Space space, Access kind) {
  SharedPlace place = sharedPlace(lane, address, bytes, space);
  // An atomic on bytes that nobody wrote reads them.
  checkShared(lane, place, bytes,
              kind == Access::Write || kind == Access::VolatileWrite);
  if (kind == Access::Atomic)
    checkShared(lane, place, bytes, true);
  bool write = isWrite(kind);
  Actor who = actor(lane);
  who.atomic = kind != Access::Read && kind != Access::Write;
  if (cta.cluster.options.races && who.atomic) {
    // Taken to acquire and to release: weaker orders are not told apart.
    auto &[meeting, past] = place.cta->atomics[place.offset];
    acquire(clocks[lane], past, false);
    checkRace(lane, place, bytes, write, who);
    if (write) {
      meeting.release(clocks[lane]);
      auto joined = std::make_shared<Clocks>(*meeting.seal());
      if (past)
        joined->join(*past);
      past = joined;
    }
  } else {
    checkRace(lane, place, bytes, write, who);
  }
  return place.cta->shared.data() + place.offset;
}

} // namespace gpusim
