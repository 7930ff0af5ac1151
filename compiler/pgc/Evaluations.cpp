#include "compiler/pgc/Evaluations.h"
#include "compiler/pgc/Batches.h"
#include "llvm/ADT/STLExtras.h"

namespace pgc {

using Role = EmitRequest::Role;

namespace {

class RequestCollector {
public:
  RequestCollector(const Program &program, int64_t wanted, int64_t tokens)
      : program(program), wanted(wanted), tokens(tokens) {}
  EvaluationRequests out;

  std::string score(int64_t seq) {
    return add({Role::Score, "", scoreBatch(program, seq, wanted, tokens), seq,
                false, "score." + std::to_string(seq)});
  }

  std::string tail(int64_t seq, int64_t stride) {
    if (stride == seq)
      return score(seq);
    return add(
        {Role::Score, "", scoreBatch(program, seq, wanted, tokens), seq, false,
         "tail." + std::to_string(seq) + "." + std::to_string(stride), stride});
  }

  void logits(int64_t seq) {
    add({Role::Logits, "", logitsBatch(program, seq, wanted, tokens), seq,
         false, "logits." + std::to_string(seq)});
  }

  std::string adapt(int64_t seq, unsigned evaluation) {
    return add({Role::Adapt, "", 1, seq, false,
                "adapt." + std::to_string(evaluation), 0, evaluation});
  }

  std::string adaptUpdate(unsigned evaluation) {
    return add({Role::AdaptUpdate, "", 1, 1, false,
                "adapt_update." + std::to_string(evaluation), 0, evaluation});
  }

private:
  std::string add(EmitRequest request) {
    if (llvm::none_of(out.requests, [&](const EmitRequest &other) {
          return other.name == request.name;
        }))
      out.requests.push_back(request);
    return request.name;
  }

  const Program &program;
  int64_t wanted, tokens;
};

} // namespace

EvaluationRequests requestEvaluations(const Program &program, int64_t wanted,
                                      int64_t tokens) {
  RequestCollector collector(program, wanted, tokens);
  for (auto [i, item] : llvm::enumerate(program.evaluations())) {
    EvaluationPrograms names;
    if (item.kind != "documents") {
      names.score = collector.score(item.seq);
      collector.logits(item.seq);
    }
    if (item.kind == "sliding" || item.kind == "ttt")
      names.tail = collector.tail(item.seq, item.stride);
    if (item.kind == "ttt") {
      names.adapt = collector.adapt(item.seq, i);
      names.adaptUpdate = collector.adaptUpdate(i);
    }
    collector.out.programs.push_back(names);
  }
  if (collector.out.requests.empty())
    collector.score(program.train().seq);
  return std::move(collector.out);
}

void addEvaluations(const Program &program,
                    llvm::ArrayRef<EvaluationPrograms> names,
                    const llvm::StringMap<uint32_t> &indices,
                    pgrt::plan::Plan &plan) {
  for (auto [item, programs] : llvm::zip_equal(program.evaluations(), names)) {
    pgrt::plan::Evaluation *evaluation = plan.add_evaluations();
    evaluation->set_stage(item.stage);
    evaluation->set_kind(item.kind);
    evaluation->set_seq(item.seq);
    evaluation->set_stride(item.stride);
    evaluation->set_chunk(item.chunk);
    evaluation->set_epochs(item.epochs);
    evaluation->set_sequences(item.sequences);
    evaluation->set_score(indices.lookup(programs.score));
    if (!programs.tail.empty())
      evaluation->set_tail(indices.lookup(programs.tail));
    if (!programs.adapt.empty())
      evaluation->set_adapt(indices.lookup(programs.adapt));
    if (!programs.adaptUpdate.empty())
      evaluation->set_adapt_update(indices.lookup(programs.adaptUpdate));
  }
}

} // namespace pgc
