#include "runtime/verify/Verifier.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Error.h"
#include "runtime/support/Interrupt.h"
#include "runtime/support/Philox.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace pgrt {

void Verifier::size() const {
  int64_t cap = loaded.artifact.cap(), bytes = loaded.bytes.total();
  if (cap && bytes > cap)
    failInput("size: the artifact has ", withThousands(bytes), " bytes, ",
              withThousands(bytes - cap), " over its cap of ",
              withThousands(cap));
  if (plan.has_pack() && plan.pack().cap() != cap)
    failInput("size: the artifact states a cap of ", withThousands(cap),
              ", its code one of ", withThousands(plan.pack().cap()));
  say(cat("size          ", withThousands(bytes), " bytes: code ",
          withThousands(loaded.bytes.code), ", weights ",
          withThousands(loaded.bytes.weights), "; cap ",
          cap ? withThousands(cap) : "none"));
}

void Verifier::validationSet() const {
  for (const artifact::Claim &claim : loaded.artifact.claims()) {
    if (claim.seq() < 1 || claim.seq() > uint64_t(INT32_MAX))
      failInput("validation set: a claim of sequences of ", claim.seq());
    int64_t positions = validation.positions(int64_t(claim.seq())), bytes = 0;
    for (int64_t i = 0; i < positions; ++i)
      bytes += validation.bytes->bytes(validation.tokens[size_t(i)],
                                       validation.tokens[size_t(i + 1)]);
    if (claim.tokens() != uint64_t(positions))
      failInput("validation set: the score '", claim.kind(), "' is claimed of ",
                withThousands(int64_t(claim.tokens())), " tokens, here are ",
                withThousands(positions),
                ": a token is left out, or these are other data");
    if (claim.bytes() != uint64_t(bytes))
      failInput("validation set: the score '", claim.kind(), "' is claimed of ",
                withThousands(int64_t(claim.bytes())), " bytes, here are ",
                withThousands(bytes), ": another tokenizer, or other data");
    Digest hash = validation.hash(positions);
    if (claim.validation_hash() !=
        std::string(reinterpret_cast<const char *>(hash.data()), hash.size()))
      failInput("validation set: the score '", claim.kind(),
                "' is claimed of other tokens: their hash differs");
    say(cat("validation    ", claim.kind(), ": ", withThousands(positions),
            " tokens, ", withThousands(bytes), " bytes, hash ",
            toHex(hash).substr(0, 12), " …"));
  }
}

void Verifier::oneScoreEach() const {
  for (const plan::Evaluation &evaluation : plan.evaluations()) {
    if (evaluation.stage() != "quantized" ||
        !evaluationHasPrograms(plan, evaluation))
      continue;
    int64_t positions = validation.positions(evaluation.seq()), updates = 0;
    std::vector<Action> actions = evaluationActions(evaluation, positions);
    std::string violation = verifyEvaluation(actions, positions);
    if (!violation.empty())
      failInput("one score a token: the evaluation '", evaluation.kind(),
                "' breaks the rules: ", violation);
    for (const Action &action : actions)
      updates += action.kind == Action::Adapt;
    say(cat("one score     ", evaluation.kind(), ": ", withThousands(positions),
            " positions in order, once each, by ",
            withThousands(int64_t(actions.size()) - updates), " windows; ",
            withThousands(updates), " updates, each after its tokens' scores"));
  }
}

std::vector<double> Verifier::runWindow(const plan::Program &program,
                                        const std::vector<int64_t> &tokens,
                                        const char *output) {
  throwIfInterrupted();
  const int64_t count = program.batch() * program.seq();
  std::vector<int64_t> inputs(size_t(count), 0), targets(size_t(count), 0);
  std::copy_n(tokens.begin(), program.seq(), inputs.begin());
  std::copy_n(tokens.begin() + 1, program.seq(), targets.begin());
  executor.writePort(*findPort(program.inputs(), "tokens"), inputs.data());
  if (const plan::Port *port = findPort(program.inputs(), "targets"))
    executor.writePort(*port, targets.data());
  executor.run(program, evaluateScalars(plan, 0, 1));
  const plan::Port &port = *findPort(program.outputs(), output);
  // The first row of the batch alone.
  std::vector<double> values(
      size_t(port.bytes() / typeBytes(port.type()) / program.batch()));
  if (port.type() == plan::F64) {
    executor.device().read(values.data(), executor.address(port.slot()),
                           int64_t(values.size()) * 8);
  } else {
    std::vector<float> narrow(values.size());
    executor.device().read(narrow.data(), executor.address(port.slot()),
                           int64_t(values.size()) * 4);
    std::copy(narrow.begin(), narrow.end(), values.begin());
  }
  return values;
}

// Values at positions whose inputs (and target, for scores) come no later than
// token t must not move when the tokens after t change.
void Verifier::causalityOf(const plan::Program &program, const char *output,
                           int64_t perPosition) {
  const int64_t seq = program.seq(),
                scored = program.scored() ? program.scored() : seq,
                first = seq - scored; // of the positions that come out
  const bool needsTarget = std::strcmp(output, "nll") == 0;
  std::vector<int64_t> tokens(validation.tokens.begin(),
                              validation.tokens.begin() + seq + 1);
  std::vector<double> before = runWindow(program, tokens, output);
  PhiloxStream random(1, cat("causality of ", program.name()));
  constexpr int64_t trials = 6;
  for (int64_t trial = 0; trial < trials; ++trial) {
    // Among them the cuts at both ends of what comes out.
    int64_t t = trial == 0 ? first + (needsTarget ? 1 : 0)
                : trial == 1
                    ? seq - 1
                    : first + 1 +
                          int64_t(random.below(
                              uint64_t(trial),
                              uint64_t(std::max<int64_t>(1, scored - 1))));
    t = std::min(t, seq - (needsTarget ? 0 : 1));
    std::vector<int64_t> changed = tokens;
    for (int64_t i = t + 1; i <= seq; ++i)
      changed[size_t(i)] =
          (changed[size_t(i)] + 1 +
           int64_t(random.below(
               uint64_t(1000 + trial * (seq + 1) + i),
               uint64_t(std::max<int64_t>(1, plan.vocab() - 1))))) %
          plan.vocab();
    std::vector<double> after = runWindow(program, changed, output);
    // A score at position p sees tokens up to p, and p + 1 as its target.
    for (int64_t p = first; p + (needsTarget ? 1 : 0) <= t; ++p)
      for (int64_t i = 0; i < perPosition; ++i) {
        size_t at = size_t((p - first) * perPosition + i);
        if (before[at] != after[at])
          failInput("causality: program '", program.name(),
                    "': changing the "
                    "tokens after ",
                    t, " moves the ", needsTarget ? "score" : "logits",
                    " at position ", p, " from ", before[at], " to ", after[at],
                    ": the network looks ahead");
      }
  }
  say(cat("causality     program '", program.name(), "': ", trials,
          " cuts, later tokens move nothing before them"));
}

void Verifier::causality() {
  std::set<uint32_t> seen;
  for (const plan::Evaluation &evaluation : plan.evaluations()) {
    if (evaluation.stage() != "quantized" ||
        !evaluationHasPrograms(plan, evaluation))
      continue;
    if (seen.insert(evaluation.score()).second)
      causalityOf(plan.programs(int(evaluation.score())), "nll", 1);
    if (evaluation.has_tail() && seen.insert(evaluation.tail()).second)
      causalityOf(plan.programs(int(evaluation.tail())), "nll", 1);
  }
  const plan::Program *logits = findProgram(plan, "logits");
  if (!logits)
    failInput("normalisation: the plan has no program that gives logits");
  if (int64_t(validation.tokens.size()) > logits->seq())
    causalityOf(*logits, "logits", plan.vocab());
}

void Verifier::normalisation() {
  const plan::Program *logits = findProgram(plan, "logits");
  if (!logits)
    failInput("normalisation: the plan has no program that gives logits");
  const int64_t seq = logits->seq(), vocab = plan.vocab();
  int64_t compared = 0;
  double worst = 0;
  for (const plan::Evaluation &evaluation : plan.evaluations()) {
    if (evaluation.stage() != "quantized" ||
        !evaluationHasPrograms(plan, evaluation) || evaluation.seq() != seq)
      continue;
    const int64_t available = int64_t(validation.tokens.size()) - 1 - seq;
    if (available < 0)
      failInput("normalisation: the validation set has fewer than ", seq + 1,
                " tokens");
    for (int64_t begin : {int64_t(0), available / 2, available}) {
      std::vector<int64_t> tokens(validation.tokens.begin() + begin,
                                  validation.tokens.begin() + begin + seq + 1);
      std::vector<double> z = runWindow(*logits, tokens, "logits");
      auto compare = [&](const plan::Program &program) {
        int64_t scored = program.scored() ? program.scored() : seq;
        std::vector<double> nll = runWindow(program, tokens, "nll");
        for (int64_t p = seq - scored; p < seq; ++p) {
          const double *row = z.data() + p * vocab;
          double largest = *std::max_element(row, row + vocab), sum = 0;
          for (int64_t v = 0; v < vocab; ++v)
            sum += std::exp(row[v] - largest);
          double wanted = largest + std::log(sum) - row[tokens[size_t(p + 1)]];
          double given = nll[size_t(p - (seq - scored))];
          double error = std::fabs(given - wanted) / (1 + std::fabs(wanted));
          worst = std::max(worst, error);
          if (!(error <= 1e-4))
            failInput("normalisation: program '", program.name(),
                      "' scores token ", begin + p + 1, " with ", given,
                      ", its logits give −log softmax = ", wanted,
                      ": the score is not of a distribution over the whole "
                      "vocabulary");
          ++compared;
        }
      };
      compare(plan.programs(int(evaluation.score())));
      if (evaluation.has_tail())
        compare(plan.programs(int(evaluation.tail())));
    }
  }
  if (!compared)
    failInput("normalisation: no evaluation has sequences of ", seq,
              ", which the logits are of");
  say(formatted("normalisation %s scores are −log softmax of the logits over "
                "all %s tokens (worst relative error %.1e)",
                withThousands(compared).c_str(), withThousands(vocab).c_str(),
                worst));
}

void Verifier::claim(const plan::Evaluation &evaluation,
                     const Score &score) const {
  const artifact::Claim *found = nullptr;
  for (const artifact::Claim &claim : loaded.artifact.claims())
    if (claim.kind() == evaluation.kind() &&
        claim.seq() == uint64_t(evaluation.seq()) &&
        claim.stride() == uint64_t(evaluation.stride()))
      found = &claim;
  if (!found)
    failInput("claim: the artifact claims no score of '", evaluation.kind(),
              "': its run did not evaluate it");
  // Another target's kernels add in another order.
  constexpr double allowed = 1e-6;
  double error = std::fabs(score.nll - found->nll());
  if (!(error <= allowed * std::fabs(found->nll())) ||
      found->tokens() != uint64_t(score.tokens) ||
      found->bytes() != uint64_t(score.bytes)) {
    Score claimed;
    claimed.nll = found->nll();
    claimed.bytes = int64_t(found->bytes());
    failInput("claim: '", evaluation.kind(), "' scores ",
              formatted("%.9f", score.bitsPerByte()), " bits per byte over ",
              withThousands(score.tokens), " tokens, claimed are ",
              formatted("%.9f", claimed.bitsPerByte()), " over ",
              withThousands(int64_t(found->tokens())));
  }
  say(formatted("claim         %s: %.9f bits per byte, %s",
                evaluation.kind().c_str(), score.bitsPerByte(),
                error == 0 ? "as claimed to the last digit"
                           : "as claimed within 1e-6"));
}

} // namespace pgrt
