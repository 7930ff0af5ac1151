#include "runtime/cli/ArtifactRun.h"
#include "runtime/artifact/Build.h"
#include "runtime/cli/ArtifactPlan.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Ranks.h"
#include "runtime/support/Error.h"
#include "runtime/support/Interrupt.h"
#include "runtime/train/Initialise.h"

namespace pgrt {

void ArtifactOptions::describe(OptionTable &table) {
  table.text("--data", "DIR", "the validation shards (data/<data name>)", data);
  table.text("--tokenizer", "FILE",
             "a SentencePiece model (tokenizer.model beside the data)",
             tokenizer);
  table.text("--plan", "P",
             "score with this plan (compiled by the pgc beside this pgrt)",
             plan);
  table.integer("--val-tokens", "N", "score the first N validation tokens only",
                valTokens, 2);
  table.integer("--threads", "N",
                "threads (one for each processor); results do not depend on it",
                threads, 1, 1024);
  table.text("--device", "D", "cpu, cuda, or cuda:N (cpu)", device);
  table.flag("--quiet", "no lines of progress", quiet);
  table.flag("--help", "print this", help);
}

ArtifactRun::ArtifactRun(const ArtifactOptions &options, Collective &ranks)
    : ranks(ranks), loaded(loadArtifact(options.artifact)),
      progress(options.quiet || ranks.rank() != 0) {
  catchInterrupts();
  if (options.data.empty())
    failUsage("say where the validation shards are: --data DIR");
  std::string missing;
  validation = openValidation(
      loaded->table.vocab(),
      {options.data, options.tokenizer, options.valTokens, /*trains=*/false},
      missing);
  if (!validation)
    failInput("cannot evaluate: ", missing);
  planFile =
      planOfArtifact(*loaded, options.plan, deviceKind(options.device), ranks);
  device = openDevice(deviceOfRank(options.device, ranks),
                      threadsOfRank(options.threads, ranks));
  executor = std::make_unique<Executor>(plan(), *device);
  gpus = openDeviceCollective(ranks, *device);
  initialise(*executor, 0); // for what is dropped, and for states
  decodeArtifact(*executor, loaded->artifact, loaded->table);
}

const artifact::Claim *
ArtifactRun::claimOf(const plan::Evaluation &evaluation) const {
  for (const artifact::Claim &claim : loaded->artifact.claims())
    if (claim.kind() == evaluation.kind() &&
        claim.seq() == uint64_t(evaluation.seq()) &&
        claim.stride() == uint64_t(evaluation.stride()))
      return &claim;
  return nullptr;
}

Score ArtifactRun::score(int evaluation) {
  double begin = Profile::now();
  Evaluator evaluator(*executor, gpus ? *gpus : ranks, *validation,
                      [&](int64_t done, int64_t all) {
                        progress.within("scored", "tokens", done, all, begin);
                      });
  return evaluator.run(evaluation);
}

} // namespace pgrt
