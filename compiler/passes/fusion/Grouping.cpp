#include "compiler/passes/fusion/Grouping.h"
#include "compiler/passes/fusion/Epilogue.h"
#include "llvm/ADT/MapVector.h"
#include <map>
#include <queue>

using namespace mlir;

namespace pgc {

namespace {

StringRef getKind(Role role) {
  switch (role) {
  case Role::Row:
    return "rows";
  case Role::Product:
    return "product";
  case Role::Attention:
    return "attention";
  case Role::AttentionGrad:
    return "attention_grad";
  case Role::Embed:
    return "embed";
  case Role::EmbedGrad:
    return "embed_grad";
  case Role::Concat:
  case Role::Host:
    return "";
  default:
    return "loops";
  }
}

class Grouper {
public:
  Grouper(func::FuncOp function) : tokens(getTokenDomains(function)) {
    for (Operation &op : function.getBody().front())
      addNode(&op);
    assignLevels();
    sink();
    absorbEpilogues();
    assignLevels();
    sink();
    delayWeightGradients();
    assignLevels();
    sink();
  }

  void build(Groups &groups) {
    joinRows();
    collect(groups);
  }

private:
  struct Node {
    Operation *op;
    Role role;
    Domain domain;
    int64_t level = 0;
    int64_t least = 0; // a level below which it is not to be computed
  };

  void addNode(Operation *op) {
    Role role = getRole(op);
    if (role == Role::StepValue || role == Role::Source || role == Role::Free ||
        role == Role::View || role == Role::Sink || role == Role::Terminator)
      return;
    Node node{op, role, {}};
    if (role == Role::Row) {
      node.domain = chooseDomain(op, tokens);
      if (node.domain.empty() && isTooLargeForOneRow(op))
        node.role = Role::Loops;
    }
    number[op] = nodes.size();
    nodes.push_back(node);
  }

  /// Kernels without rows run in one piece; what moves whole tensors about is
  /// better done by loops, which are cut in pieces.
  static bool isTooLargeForOneRow(Operation *op) {
    constexpr int64_t limit = 1 << 16;
    return isa<pg::SliceOp, pg::PadOp, pg::TransposeOp, pg::IotaOp>(op) &&
           pg::getTensorType(op->getResult(0)).getNumElements() > limit;
  }

  Node *find(Operation *op) {
    auto found = number.find(op);
    return found == number.end() ? nullptr : &nodes[found->second];
  }
  Node *producerOf(Value operand) {
    Operation *producer = getProducer(operand);
    return producer ? find(producer) : nullptr;
  }

  /// The product, or attention, whose kernel the operation is part of, as its
  /// epilogue; null if none.
  Node *getProduct(Operation *op) {
    auto found = epilogueOf.find(op);
    return found == epilogueOf.end() ? nullptr : find(found->second);
  }

  /// Whether operand number `index` of the node may come from the same kernel.
  bool isJoined(Node &node, unsigned index, Node &producer) {
    if (node.role != Role::Row || producer.role != Role::Row ||
        node.domain != producer.domain)
      return false;
    if (getProduct(node.op) || getProduct(producer.op))
      return false;
    return readsSameRow(node.op, index, node.domain);
  }

  /// The level of the kernel that the node is in: an epilogue's is that of its
  /// product, which comes earlier in the function.
  int64_t levelOf(Node &node) {
    Node *product = getProduct(node.op);
    return product ? product->level : node.level;
  }

  /// The least level at which the operand numbered `index` of the node is
  /// there.
  int64_t levelAfter(Node &node, unsigned index) {
    Node *producer = producerOf(node.op->getOperand(index));
    if (!producer)
      return 0;
    return levelOf(*producer) + (isJoined(node, index, *producer) ? 0 : 1);
  }

  void assignLevels() {
    for (Node &node : nodes) {
      if (Node *product = getProduct(node.op)) {
        node.level = product->level;
        continue;
      }
      node.level = node.least;
      for (unsigned i = 0; i < node.op->getNumOperands(); ++i)
        node.level = std::max(node.level, levelAfter(node, i));
      for (Operation *op : epilogues.lookup(node.op))
        for (Value operand : op->getOperands())
          if (Node *producer = producerOf(operand);
              producer && producer != &node &&
              getProduct(producer->op) != &node)
            node.level = std::max(node.level, levelOf(*producer) + 1);
    }
  }

  void absorbEpilogues() {
    for (Node &node : nodes) {
      if (node.role == Role::Attention || node.role == Role::AttentionGrad) {
        for (Operation *user : node.op->getUsers())
          if (isNarrowing(user, node.op)) {
            epilogueOf[user] = node.op;
            epilogues[node.op].push_back(user);
          }
        continue;
      }
      if (node.role != Role::Product)
        continue;
      // Where rows are worked on right behind the product, they are read there
      // anyway.
      auto joinsRows = [&](Operation *op, Operation *user) {
        Node *a = find(op), *b = find(user);
        if (!a || !b || a->level != b->level)
          return false;
        for (unsigned i = 0; i < user->getNumOperands(); ++i)
          if (getProducer(user->getOperand(i)) == op && isJoined(*b, i, *a))
            return true;
        return false;
      };
      auto getOwner = [&](Operation *op) { return epilogueOf.lookup(op); };
      SmallVector<Operation *> epilogue =
          findEpilogue(node.op, getOwner, joinsRows);
      for (Operation *op : epilogue)
        epilogueOf[op] = node.op;
      if (!epilogue.empty())
        epilogues[node.op] = std::move(epilogue);
    }
  }

  //===--------------------------------------------------------------------===//
  // Moving operations to where they are used
  //===--------------------------------------------------------------------===//

  void sink() {
    for (Node &node : llvm::reverse(nodes)) {
      if (node.role != Role::Row || getProduct(node.op))
        continue;
      int64_t latest = latestOf(node);
      if (latest <= node.level)
        continue;
      SmallVector<Node *> cone = getCone(node);
      if (readsNarrow(cone) && costOfSinking(cone, node.level, latest) <
                                   2 * getBytes(node.op->getResult(0))) {
        for (Node *member : cone)
          member->level = latest;
      } else if (isWorthSinking(node, latest)) {
        node.level = latest;
      }
    }
  }

  /// The node, and what is computed for it alone, row by row.
  SmallVector<Node *> getCone(Node &node) {
    constexpr unsigned maxCone = 48;
    SmallVector<Node *> cone{&node};
    llvm::DenseSet<Node *> members{&node};
    // Later ones first: a node's users are in before it is looked at.
    std::priority_queue<Node *> work;
    auto addProducers = [&](Node &of) {
      for (auto [i, operand] : llvm::enumerate(of.op->getOperands()))
        if (Node *producer = producerOf(operand);
            producer && producer->level <= node.level &&
            isJoined(of, i, *producer))
          work.push(producer);
    };
    addProducers(node);
    while (!work.empty() && cone.size() < maxCone) {
      Node *next = work.top();
      work.pop();
      if (members.contains(next) ||
          !llvm::all_of(next->op->getResults(), [&](Value result) {
            return isReadWithin(members, *next, result);
          }))
        continue;
      members.insert(next);
      cone.push_back(next);
      addProducers(*next);
    }
    return cone;
  }

  /// Whether part of what the cone reads is bf16. Elsewhere operands are as
  /// large as results, and `isWorthSinking` says all there is to say.
  static bool readsNarrow(ArrayRef<Node *> cone) {
    return llvm::any_of(cone, [](Node *member) {
      return llvm::any_of(member->op->getOperands(), [](Value operand) {
        return getElementTypeOrSelf(operand).isBF16();
      });
    });
  }

  /// Whether only members read the node's result, row by row.
  bool isReadWithin(const llvm::DenseSet<Node *> &members, Node &node,
                    Value result) {
    return llvm::all_of(result.getUses(), [&](OpOperand &use) {
      Operation *user = use.getOwner();
      if (getRole(user) == Role::View)
        return isReadWithin(members, node, user->getResult(0));
      Node *reader = find(user);
      return reader && members.contains(reader) &&
             isJoined(*reader, use.getOperandNumber(), node);
    });
  }

  /// Bytes that are moved more if all of the cone is computed at level `to`.
  int64_t costOfSinking(ArrayRef<Node *> cone, int64_t from, int64_t to) {
    llvm::DenseSet<Node *> members(cone.begin(), cone.end());
    llvm::DenseSet<Value> seen;
    int64_t cost = 0;
    for (Node *member : cone)
      for (Value operand : member->op->getOperands()) {
        Value value = getViewed(operand);
        Operation *producer = value.getDefiningOp();
        Node *source = producer ? find(producer) : nullptr;
        if ((producer && getRole(producer) == Role::Free) ||
            members.contains(source) || !seen.insert(value).second)
          continue;
        bool isInMemory =
            !source || source->level < from || isReadBeyond(value, from);
        cost += isReadAt(value, *member, to) ? 0 : getBytes(value);
        cost += isInMemory ? 0 : getBytes(value);
      }
    return cost;
  }

  /// Whether the value is read at a later level than that, or by what is not
  /// rows: then it lies in memory.
  bool isReadBeyond(Value value, int64_t level) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      if (getRole(user) == Role::View)
        return isReadBeyond(user->getResult(0), level);
      Node *reader = find(user);
      return !reader || levelOf(*reader) > level;
    });
  }

  /// The last level at which the node's result is in time for a use, which may
  /// be a view with uses of its own.
  int64_t latestFor(Node &node, OpOperand &use) {
    Operation *user = use.getOwner();
    switch (getRole(user)) {
    case Role::Sink:
    case Role::Terminator:
      return node.level;
    case Role::View: {
      int64_t latest = INT64_MAX;
      for (OpOperand &next : user->getUses())
        latest = std::min(latest, latestFor(node, next));
      return latest;
    }
    default:
      break;
    }
    Node *target = find(user);
    if (!target)
      return node.level;
    if (Node *product = getProduct(user))
      return product->level - 1;
    return target->level -
           (isJoined(*target, use.getOperandNumber(), node) ? 0 : 1);
  }

  /// Without sinking the result is written and read; with it the operands are
  /// read once more.
  bool isWorthSinking(Node &node, int64_t level) {
    if (node.op->hasAttr(recomputeAttr))
      return true;
    int64_t saved = 0;
    for (Value result : node.op->getResults())
      saved += 2 * getBytes(result);
    return costOfSinking(node, level, 0) < saved;
  }

  /// Bytes that are moved if the node is computed at a later level: of operands
  /// that lie in memory, or must be put there.
  int64_t costOfSinking(Node &node, int64_t level, unsigned depth) {
    int64_t cost = 0;
    llvm::SmallPtrSet<Operation *, 4> seen;
    for (Value operand : node.op->getOperands()) {
      Operation *producer = getProducer(operand);
      if (producer &&
          (getRole(producer) == Role::Free || !seen.insert(producer).second))
        continue;
      int64_t bytes = getBytes(operand);
      Node *source = producer ? find(producer) : nullptr;
      if (!source || source->role != Role::Row || source->level < node.level ||
          isReadLater(*source, node)) {
        cost += isReadAt(getViewed(operand), node, level)
                    ? 0
                    : bytes; // is in memory anyway
      } else if (producer->hasOneUse() && depth < 8) {
        cost += std::min(2 * bytes, costOfSinking(*source, level,
                                                  depth + 1)); // can come along
      } else {
        cost += 2 * bytes;
      }
    }
    return cost;
  }

  /// Whether an operation that may join the node reads the value at that level.
  bool isReadAt(Value value, Node &reader, int64_t level) {
    SmallVector<Value> views{value};
    while (!views.empty())
      for (Operation *user : views.pop_back_val().getUsers()) {
        if (isa<pg::ReshapeOp>(user))
          views.push_back(user->getResult(0));
        Node *other = find(user);
        if (other && other != &reader && other->role == Role::Row &&
            other->level == level && other->domain == reader.domain)
          return true;
      }
    return false;
  }

  /// Whether others than `reader` read the node's result at a later level, or
  /// could.
  bool isReadLater(Node &node, Node &reader) {
    for (Value result : node.op->getResults())
      for (OpOperand &use : result.getUses()) {
        Node *user = find(use.getOwner());
        if (user && user != &reader && latestOf(*user) > node.level)
          return true;
      }
    return false;
  }

  /// The last level at which the node can be computed.
  int64_t latestOf(Node &node) {
    if (node.role != Role::Row || getProduct(node.op))
      return node.level;
    int64_t latest = INT64_MAX;
    for (OpOperand &use : node.op->getUses())
      latest = std::min(latest, latestFor(node, use));
    return latest == INT64_MAX ? node.level : std::max(latest, node.level);
  }

  //===--------------------------------------------------------------------===//
  // Gradients of weights, which can wait
  //===--------------------------------------------------------------------===//

  /// The gradient of a weight is only added to what is there. Where it reads
  /// what is computed again, such as a norm, it waits for the kernel that reads
  /// the same values for the gradient of the norm: that one stores the norm
  /// too.
  void delayWeightGradients() {
    for (Node &node : nodes) {
      if (node.role != Role::Product || !isOnlyAdded(node.op->getResult(0)))
        continue;
      for (Value operand : node.op->getOperands()) {
        Node *factor = producerOf(operand);
        if (factor && isComputedAgain(*factor))
          factor->least =
              std::max(factor->least, findReader(*factor, node.level));
      }
    }
  }

  static bool isOnlyAdded(Value value) {
    return llvm::all_of(value.getUsers(), [](Operation *user) {
      return getRole(user) == Role::Sink ||
             (getRole(user) == Role::View && isOnlyAdded(user->getResult(0)));
    });
  }

  bool isComputedAgain(Node &node) {
    return node.role == Role::Row && node.op->hasAttr(recomputeAttr) &&
           !node.domain.empty() && !getProduct(node.op);
  }

  /// A level not much later than `level` at which most of what `again` is
  /// computed from is read over the same rows; 0 if there is none.
  int64_t findReader(Node &again, int64_t level) {
    constexpr int64_t soon = 8;
    std::map<int64_t, int64_t> bytesAt; // of the values read at a level
    for (Value source : sourcesOf(again)) {
      llvm::SmallDenseSet<int64_t> levels;
      collectReaders(source, again.domain, levels);
      for (int64_t at : levels)
        if (at >= level && at <= level + soon)
          bytesAt[at] += getBytes(source);
    }
    int64_t best = 0, most = 0;
    for (auto [at, bytes] : bytesAt)
      if (bytes > most) {
        most = bytes;
        best = at;
      }
    return best;
  }

  /// The values that what is computed again is computed from: those with rows
  /// of its domain.
  SmallVector<Value> sourcesOf(Node &again) {
    llvm::SmallSetVector<Operation *, 16> chain;
    llvm::SmallSetVector<Value, 4> sources;
    chain.insert(again.op);
    for (unsigned i = 0; i < chain.size(); ++i)
      for (Value operand : chain[i]->getOperands()) {
        Node *producer = producerOf(operand);
        if (producer && isComputedAgain(*producer))
          chain.insert(producer->op);
        else if (hasRows(pg::getTensorType(operand).getShape(), again.domain))
          sources.insert(getViewed(operand));
      }
    return sources.takeVector();
  }

  /// Adds the levels at which a value is read over rows of the domain, perhaps
  /// by way of what is computed again.
  void collectReaders(Value value, const Domain &domain,
                      llvm::SmallDenseSet<int64_t> &levels) {
    llvm::SmallSetVector<Value, 16> values;
    values.insert(value);
    for (unsigned i = 0; i < values.size(); ++i)
      for (Operation *user : values[i].getUsers()) {
        Node *node = find(user);
        if (getRole(user) == Role::View || (node && isComputedAgain(*node)))
          values.insert(user->getResult(0));
        else if (node && node->role == Role::Row && node->domain == domain &&
                 !getProduct(user))
          levels.insert(node->level);
      }
  }

  //===--------------------------------------------------------------------===//
  // Groups
  //===--------------------------------------------------------------------===//

  void joinRows() {
    parent.resize(nodes.size());
    for (unsigned i = 0; i < parent.size(); ++i)
      parent[i] = i;
    for (Node &node : nodes) {
      unsigned self = &node - nodes.data();
      if (Node *product = getProduct(node.op)) {
        join(self, product - nodes.data());
        continue;
      }
      for (unsigned i = 0; i < node.op->getNumOperands(); ++i) {
        Node *producer = producerOf(node.op->getOperand(i));
        if (producer && producer->level == node.level &&
            isJoined(node, i, *producer))
          join(self, producer - nodes.data());
      }
    }
    joinReadersOfOneValue();
  }

  /// Operations of one level and domain that read the same rows of a value read
  /// them once.
  void joinReadersOfOneValue() {
    constexpr unsigned near =
        64; // in operations; things far apart stay so, lest values live longer
    std::map<std::tuple<void *, int64_t, Domain>, unsigned> readers;
    for (auto [i, node] : llvm::enumerate(nodes)) {
      if (node.role != Role::Row || node.domain.empty() || getProduct(node.op))
        continue;
      for (Value operand : node.op->getOperands()) {
        Node *producer = producerOf(operand);
        if (!producer || producer->level == node.level ||
            !hasRows(pg::getTensorType(operand).getShape(), node.domain))
          continue;
        auto [found, isNew] = readers.try_emplace(
            {getViewed(operand).getAsOpaquePointer(), node.level, node.domain},
            i);
        if (!isNew && i - found->second < near)
          join(i, found->second);
        found->second = i;
      }
    }
  }

  unsigned root(unsigned i) {
    while (parent[i] != i)
      i = parent[i] = parent[parent[i]];
    return i;
  }
  void join(unsigned a, unsigned b) { parent[root(a)] = root(b); }

  /// Lists the groups, each after those that it reads from, otherwise in the
  /// order of their last operations.
  void collect(Groups &groups) {
    llvm::MapVector<unsigned, SmallVector<unsigned>> members;
    for (unsigned i = 0; i < nodes.size(); ++i)
      members[root(i)].push_back(i);

    unsigned count = members.size();
    SmallVector<SmallVector<unsigned>> readers(count);
    SmallVector<unsigned> pending(count, 0), last(count, 0);
    llvm::DenseMap<unsigned, unsigned> position;
    for (auto [i, entry] : llvm::enumerate(members))
      position[entry.first] = i;
    for (auto [i, entry] : llvm::enumerate(members)) {
      last[i] = entry.second.back();
      llvm::SmallDenseSet<unsigned> sources;
      for (unsigned member : entry.second)
        for (Value operand : nodes[member].op->getOperands())
          if (Node *producer = producerOf(operand)) {
            unsigned source = position[root(producer - nodes.data())];
            if (source != i && sources.insert(source).second) {
              readers[source].push_back(i);
              ++pending[i];
            }
          }
    }

    using Entry = std::pair<unsigned, unsigned>; // last operation, group
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
    for (unsigned i = 0; i < count; ++i)
      if (pending[i] == 0)
        ready.push({last[i], i});
    while (!ready.empty()) {
      unsigned i = ready.top().second;
      ready.pop();
      const SmallVector<unsigned> &list = members.begin()[i].second;
      Group group;
      for (unsigned member : list) {
        Node &node = nodes[member];
        group.ops.push_back(node.op);
        groups.groupOf[node.op] = groups.list.size();
      }
      // A product with its epilogue starts with the product, or with what it
      // pulled in.
      auto isAnchor = [&](unsigned member) {
        return nodes[member].role != Role::Row;
      };
      auto anchor = llvm::find_if(list, isAnchor);
      Node &leader = nodes[anchor == list.end() ? list.front() : *anchor];
      group.kind = getKind(leader.role);
      if (leader.role == Role::Row)
        group.domain = leader.domain;
      groups.list.push_back(std::move(group));
      for (unsigned reader : readers[i])
        if (--pending[reader] == 0)
          ready.push({last[reader], reader});
    }
  }

  SmallVector<Domain> tokens;
  SmallVector<Node, 0> nodes;
  llvm::DenseMap<Operation *, unsigned> number;
  llvm::DenseMap<Operation *, SmallVector<Operation *>>
      epilogues; // of products
  llvm::DenseMap<Operation *, Operation *>
      epilogueOf;               // the product that an operation joined
  SmallVector<unsigned> parent; // union-find over nodes
};

} // namespace

Groups::Groups(func::FuncOp function) { Grouper(function).build(*this); }

} // namespace pgc
