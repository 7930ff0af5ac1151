// pgrt verify ARTIFACT: is the entry legal?

#include "runtime/cli/ArtifactRun.h"
#include "runtime/cli/Commands.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/support/Error.h"
#include "runtime/support/Interrupt.h"
#include "runtime/verify/Verifier.h"

#include <cstdio>

namespace pgrt {

int runVerify(const std::vector<std::string> &arguments) {
  ArtifactOptions options;
  const std::string usage = "pgrt verify ARTIFACT --data DIR [options]";
  OptionTable table(
      usage,
      "Checks a finished entry, by the artifact and the validation shards "
      "alone: its size, its hash, the number\n"
      "of bytes scored, one score a token, causality, normalisation, and that "
      "it scores what it claims.");
  options.describe(table);
  std::vector<std::string> files = table.parse(arguments);
  if (options.help) {
    std::printf("%s", table.help().c_str());
    return 0;
  }
  if (files.size() != 1)
    failUsage("one artifact is needed: ", usage);
  options.artifact = files[0];
  auto say = [](const std::string &line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  };
  SelfCollective self;
  ArtifactRun run(options, self); // hash and form
  say(cat("hash          ", toHex(run.loaded->digest)));
  Verifier verifier(*run.executor, *run.validation, *run.loaded, say);
  try {
    verifier.size();
    verifier.validationSet();
    verifier.oneScoreEach();
    verifier.causality();
    verifier.normalisation();
    int evaluations = 0;
    for (int i = 0; i < run.plan().evaluations_size(); ++i) {
      const plan::Evaluation &evaluation = run.plan().evaluations(i);
      if (evaluation.stage() != "quantized" ||
          !evaluationHasPrograms(run.plan(), evaluation))
        continue;
      verifier.claim(evaluation, run.score(i));
      ++evaluations;
    }
    if (!evaluations)
      failInput("claim: the artifact's file evaluates nothing of quantised "
                "weights");
  } catch (const Stopped &) {
    failInput("stopped: not everything was checked");
  }
  say("the entry is legal");
  return 0;
}

} // namespace pgrt
