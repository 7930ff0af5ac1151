// pgrt eval ARTIFACT: the scores of an artifact.

#include "runtime/cli/ArtifactRun.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Ranks.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/support/Error.h"
#include "runtime/support/Interrupt.h"

#include <algorithm>
#include <cstdio>

namespace pgrt {

static void printScore(const plan::Evaluation &evaluation, const Score &score,
                       const artifact::Claim *claim) {
  std::string against;
  if (claim && claim->nll() == score.nll &&
      claim->tokens() == uint64_t(score.tokens) &&
      claim->bytes() == uint64_t(score.bytes)) {
    against = ", as claimed";
  } else if (claim) {
    Score claimed;
    claimed.nll = claim->nll();
    claimed.bytes = int64_t(claim->bytes());
    against = formatted(", claimed %.17g over %s tokens", claimed.bitsPerByte(),
                        withThousands(int64_t(claim->tokens())).c_str());
  }
  std::printf("%s: %.17g bits per byte (nll %.17g, %s tokens, %s bytes, "
              "%s)%s\n",
              evaluation.kind().c_str(), score.bitsPerByte(), score.nll,
              withThousands(score.tokens).c_str(),
              withThousands(score.bytes).c_str(),
              readableSeconds(score.seconds).c_str(), against.c_str());
  std::fflush(stdout);
}

static void evaluate(const ArtifactOptions &options, const std::string &kind,
                     Collective &ranks) {
  ArtifactRun run(options, ranks);
  int scored = 0;
  for (int i = 0; i < run.plan().evaluations_size(); ++i) {
    const plan::Evaluation &evaluation = run.plan().evaluations(i);
    if (evaluation.stage() != "quantized" ||
        (!kind.empty() && evaluation.kind() != kind) ||
        !evaluationHasPrograms(run.plan(), evaluation))
      continue;
    try {
      Score score = run.score(i);
      if (ranks.rank() == 0)
        printScore(evaluation, score, run.claimOf(evaluation));
    } catch (const Stopped &) {
      failInput("stopped: the evaluation under way has no score");
    }
    ++scored;
  }
  if (!scored)
    failInput("the artifact's file evaluates nothing of quantised weights",
              kind.empty() ? "" : " of kind ", kind);
}

int runEval(const std::vector<std::string> &arguments) {
  ArtifactOptions options;
  std::string kind;
  const std::string usage = "pgrt eval ARTIFACT --data DIR [options]";
  OptionTable table(usage,
                    "Compiles an artifact's own code, decodes its weights and "
                    "scores them on the validation shards,\n"
                    "as its file's `evaluate` says for quantised weights. "
                    "mpirun -n N divides the windows\nover N processes.");
  table.text("--kind", "K", "chunked, sliding or ttt only (all of the file's)",
             kind);
  options.describe(table);
  table.integer("--devices", "N",
                "divide the windows over N devices (1), each with its own "
                "threads",
                options.devices, 1, 64);
  std::vector<std::string> files = table.parse(arguments);
  if (options.help) {
    std::printf("%s", table.help().c_str());
    return 0;
  }
  if (files.size() != 1)
    failUsage("one artifact is needed: ", usage);
  static const std::vector<std::string> kinds = {"chunked", "sliding", "ttt"};
  if (!kind.empty() &&
      std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
    failUsage("--kind: there is no kind '", kind, "'", didYouMean(kind, kinds));
  options.artifact = files[0];
  return runOnRanks(options.devices,
                    [&](Collective &ranks) { evaluate(options, kind, ranks); });
}

} // namespace pgrt
