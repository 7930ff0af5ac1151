#include "tools/gpusim/nccl/Collective.h"

#include "tools/gpusim/core/Fault.h"
#include "tools/gpusim/numeric/Round.h"

#include <algorithm>
#include <cstring>

namespace gpusim {

const char *collectiveName(CollectiveKind kind) {
  static const char *names[] = {
      "ncclAllReduce", "ncclReduceScatter", "ncclAllGather", "ncclBroadcast",
      "ncclReduce",    "ncclAlltoAll",      "ncclSend",      "ncclRecv"};
  return names[int(kind)];
}

unsigned elementBytes(ncclDataType_t type) {
  static const unsigned bytes[] = {1, 1, 4, 4, 8, 8, 2, 4, 8, 2};
  return type >= 0 && type <= ncclBfloat16 ? bytes[type] : 0;
}

namespace {

Type typeOf(ncclDataType_t type) {
  static const Type types[] = {Type::S8,  Type::U8,  Type::S32, Type::U32,
                               Type::S64, Type::U64, Type::F16, Type::F32,
                               Type::F64, Type::BF16};
  return types[type];
}

[[noreturn]] void disagree(const Part &a, const Part &b) {
  throw Fault(FaultKind::Launch,
              std::string("ranks disagree: one calls ") +
                  collectiveName(a.kind) + " of " + std::to_string(a.count) +
                  " elements, another " + collectiveName(b.kind) + " of " +
                  std::to_string(b.count));
}

template <typename T> T combine(ncclRedOp_t op, T a, T b) {
  switch (op) {
  case ncclProd:
    return T(a * b);
  case ncclMax:
    return std::max(a, b);
  case ncclMin:
    return std::min(a, b);
  default:
    return T(a + b);
  }
}
template <typename T>
void reduceIntegers(std::vector<uint8_t> &sum, const std::vector<uint8_t> &with,
                    ncclRedOp_t op) {
  for (size_t at = 0; at < sum.size(); at += sizeof(T)) {
    T a, b;
    std::memcpy(&a, sum.data() + at, sizeof(T));
    std::memcpy(&b, with.data() + at, sizeof(T));
    a = combine(op, a, b);
    std::memcpy(sum.data() + at, &a, sizeof(T));
  }
}

// In the order of ranks, rounded to the type after each step. NCCL's own order
// is another and not documented: only results that do not depend on it count.
void reduceInto(std::vector<uint8_t> &sum, const std::vector<uint8_t> &with,
                ncclDataType_t type, ncclRedOp_t op) {
  switch (type) {
  case ncclInt8:
    return reduceIntegers<int8_t>(sum, with, op);
  case ncclUint8:
    return reduceIntegers<uint8_t>(sum, with, op);
  case ncclInt32:
    return reduceIntegers<int32_t>(sum, with, op);
  case ncclUint32:
    return reduceIntegers<uint32_t>(sum, with, op);
  case ncclInt64:
    return reduceIntegers<int64_t>(sum, with, op);
  case ncclUint64:
    return reduceIntegers<uint64_t>(sum, with, op);
  default:
    break;
  }
  Type format = typeOf(type);
  unsigned size = elementBytes(type);
  for (size_t at = 0; at < sum.size(); at += size) {
    uint64_t a = 0, b = 0;
    std::memcpy(&a, sum.data() + at, size);
    std::memcpy(&b, with.data() + at, size);
    double x = combine(op, decode(format, a), decode(format, b));
    a = encode(format, roundTo(x, format, Rounding::Nearest));
    std::memcpy(sum.data() + at, &a, size);
  }
}

void average(std::vector<uint8_t> &sum, ncclDataType_t type, int ranks) {
  Type format = typeOf(type);
  unsigned size = elementBytes(type);
  if (!isFloat(format))
    throw Fault(FaultKind::Unsupported, "the average of integers");
  for (size_t at = 0; at < sum.size(); at += size) {
    uint64_t a = 0;
    std::memcpy(&a, sum.data() + at, size);
    a = encode(format,
               roundTo(decode(format, a) / ranks, format, Rounding::Nearest));
    std::memcpy(sum.data() + at, &a, size);
  }
}

std::vector<uint8_t> bytesOf(uint64_t address, uint64_t bytes) {
  std::vector<uint8_t> data(bytes);
  Engine::get().memory.read(data.data(), address, bytes);
  return data;
}

// All parts are of one kind, count, type and operation.
void execute(const std::vector<std::shared_ptr<Part>> &parts) {
  Memory &memory = Engine::get().memory;
  const Part &first = *parts[0];
  uint64_t ranks = parts.size(), unit = first.count * elementBytes(first.type);
  bool scatters = first.kind == CollectiveKind::ReduceScatter;
  // All is read before anything is written: they may be in place.
  std::vector<std::vector<uint8_t>> sent;
  for (uint64_t r = 0; r < ranks; ++r) {
    uint64_t bytes = scatters || first.kind == CollectiveKind::AllToAll
                         ? unit * ranks
                         : unit;
    bool needed =
        first.kind != CollectiveKind::Broadcast || int(r) == first.peer;
    sent.push_back(needed ? bytesOf(parts[r]->send, bytes)
                          : std::vector<uint8_t>());
  }
  std::vector<uint8_t> sum;
  if (first.kind == CollectiveKind::AllReduce || scatters ||
      first.kind == CollectiveKind::Reduce) {
    sum = sent[0];
    for (uint64_t r = 1; r < ranks; ++r)
      reduceInto(sum, sent[r], first.type, first.op);
    if (first.op == ncclAvg)
      average(sum, first.type, int(ranks));
  }
  for (uint64_t r = 0; r < ranks; ++r) {
    uint64_t to = parts[r]->receive;
    switch (first.kind) {
    case CollectiveKind::AllReduce:
      memory.write(to, sum.data(), unit);
      break;
    case CollectiveKind::ReduceScatter:
      memory.write(to, sum.data() + r * unit, unit);
      break;
    case CollectiveKind::Reduce:
      if (int(r) == first.peer)
        memory.write(to, sum.data(), unit);
      break;
    case CollectiveKind::Broadcast:
      memory.write(to, sent[size_t(first.peer)].data(), unit);
      break;
    case CollectiveKind::AllGather:
      for (uint64_t from = 0; from < ranks; ++from)
        memory.write(to + from * unit, sent[from].data(), unit);
      break;
    case CollectiveKind::AllToAll:
      for (uint64_t from = 0; from < ranks; ++from)
        memory.write(to + from * unit, sent[from].data() + r * unit, unit);
      break;
    case CollectiveKind::Send:
    case CollectiveKind::Recv:
      break;
    }
    parts[r]->done = true;
  }
}

} // namespace

bool Clique::match() {
  bool any = false;
  for (;;) {
    std::vector<std::shared_ptr<Part>> parts;
    for (auto &queue : collectives)
      if (!queue.empty())
        parts.push_back(queue.front());
    if (parts.size() != size_t(ranks) || !ranks)
      break;
    for (const auto &part : parts)
      if (part->kind != parts[0]->kind || part->count != parts[0]->count ||
          part->type != parts[0]->type || part->op != parts[0]->op ||
          part->peer != parts[0]->peer)
        disagree(*parts[0], *part);
    execute(parts);
    for (auto &queue : collectives)
      queue.pop_front();
    any = true;
  }
  for (auto &[pair, from] : sends) {
    auto &to = receives[pair];
    while (!from.empty() && !to.empty()) {
      Part &send = *from.front(), &receive = *to.front();
      if (send.count != receive.count || send.type != receive.type)
        disagree(send, receive);
      uint64_t bytes = send.count * elementBytes(send.type);
      Engine::get().memory.copy(receive.receive, send.send, bytes);
      send.done = receive.done = true;
      from.pop_front();
      to.pop_front();
      any = true;
    }
  }
  return any;
}

void Clique::offer(int rank, std::shared_ptr<Part> part) {
  if (part->kind == CollectiveKind::Send)
    sends[{rank, part->peer}].push_back(std::move(part));
  else if (part->kind == CollectiveKind::Recv)
    receives[{part->peer, rank}].push_back(std::move(part));
  else
    collectives[size_t(rank)].push_back(std::move(part));
}

GroupOp::GroupOp(std::vector<Item> from) : items(std::move(from)) {
  const Item &first = items[0];
  name = std::string(collectiveName(first.part->kind)) + " of rank " +
         std::to_string(first.rank) + " of " +
         std::to_string(first.clique->ranks);
}

void GroupOp::offer() {
  for (const Item &item : items)
    item.clique->offer(item.rank, item.part);
  poll();
}

bool GroupOp::poll() {
  bool any = false, all = true;
  for (const Item &item : items)
    any |= item.clique->match();
  for (const Item &item : items)
    all &= item.part->done;
  done = all;
  return any || done;
}

std::shared_ptr<Op> GroupOp::again() const {
  std::vector<Item> fresh = items;
  for (Item &item : fresh) {
    item.part = std::make_shared<Part>(*item.part);
    item.part->done = false;
  }
  return std::make_shared<GroupOp>(std::move(fresh));
}

} // namespace gpusim
