// What each stage of a job does.

#include "runtime/cli/Commands.h"
#include "runtime/cli/Job.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/quant/Capture.h"
#include "runtime/schedule/Extents.h"
#include "runtime/support/AtomicFile.h"
#include "runtime/support/Error.h"
#include "runtime/support/Interrupt.h"
#include "runtime/train/Estimate.h"
#include "runtime/train/Initialise.h"
#include "runtime/train/Trainer.h"

namespace pgrt {

void Job::prepare() {
  if (const plan::Program *program = findProgram(plan, "prepare"))
    executor->run(*program, evaluateScalars(plan, 0, 0));
}

void Job::keepMemoryOf(const std::set<std::string> &kept) {
  std::set<int> arenas;
  for (const plan::Parameter &parameter : plan.parameters())
    arenas.insert(int(parameter.slot().arena()));
  for (const plan::Program &program : plan.programs())
    if (std::string stage = stageOfRole(program.role());
        stage.empty() || kept.count(stage))
      arenas.merge(arenasTouched(plan, program));
  // What no program finds again comes back when it is needed.
  std::erase_if(arenas, [&](int arena) { return !keepsContents(plan, arena); });
  executor->releaseAllBut(arenas);
}

void Job::train() {
  for (const plan::Program &program : plan.programs())
    if (stageOfRole(program.role()) == "train")
      executor->allocateFor(program);
  const plan::Program *first = findProgram(plan, "train");
  double flops = stepFlops(plan, *first);
  if (flops > 0 && peak > 0)
    progress.say(trainingEstimate(plan.training(), budget, flops / (0.5 * peak),
                                  "at half of the peak",
                                  /*advise=*/true));
  estimateEvaluation();
  Trainer trainer(*executor, deviceRanks(), *data, budget, *log, progress,
                  peak);
  TrainResult result = trainer.run();
  stopped = result.stopped;
  submission.steps = result.steps;
  submission.trainSeconds = result.seconds;
  if (stopped)
    progress.say(cat(
        "stopped after ", result.steps, result.steps == 1 ? " step" : " steps",
        "; the step under way is dropped. Writing what there is …"));
  else
    progress.say(formatted(
        "trained   %lld steps in %s, last loss %.4f", (long long)result.steps,
        readableSeconds(result.seconds).c_str(), result.lastLoss));
  if (root) {
    saveWeights(*executor, WeightKind::Parameters, out + "/final.safetensors");
    saveWeights(*executor, WeightKind::Averages, out + "/weights.safetensors");
  }
  useAverages(*executor);
  prepare();
  keepMemoryOf({"quantize", "evaluate"});
}

void Job::evaluate(const std::string &stage) {
  if (!validation)
    return;
  for (int i = 0; i < plan.evaluations_size(); ++i) {
    const plan::Evaluation &evaluation = plan.evaluations(i);
    if (evaluation.stage() != stage)
      continue;
    if (evaluationHasPrograms(plan, evaluation))
      evaluateOne(i);
    else
      progress.say(cat("evaluate  ", stage, " ", evaluation.kind(),
                       " left out: the plan holds no programs for it"));
  }
}

void Job::evaluateOne(int index) {
  const plan::Evaluation &evaluation = plan.evaluations(index);
  double begin = Profile::now();
  Evaluator evaluator(*executor, deviceRanks(), *validation,
                      [&](int64_t done, int64_t all) {
                        progress.within("scored", "tokens", done, all, begin);
                      });
  Score score = evaluator.run(index);
  submission.add(evaluation.stage() == "quantized", score);
  if (packed) {
    artifact::Claim claim;
    claim.set_kind(evaluation.kind());
    claim.set_seq(uint64_t(evaluation.seq()));
    claim.set_stride(uint64_t(evaluation.stride()));
    claim.set_tokens(uint64_t(score.tokens));
    claim.set_bytes(uint64_t(score.bytes));
    claim.set_nll(score.nll);
    Digest hash = validation->hash(score.tokens);
    claim.set_validation_hash(hash.data(), hash.size());
    claims.push_back(claim);
  }
  JsonWriter json;
  json.beginObject()
      .field("event", "eval")
      .field("stage", evaluation.stage())
      .field("kind", evaluation.kind())
      .field("nll", score.nll)
      .field("tokens", score.tokens)
      .field("bytes", score.bytes)
      .field("bpb", score.bitsPerByte())
      .field("seconds", score.seconds)
      .endObject();
  log->write(json);
  progress.say(formatted(
      "evaluated %s, %s: %s tokens, %s bytes in %s: %.4f bits a byte, loss "
      "%.4f",
      evaluation.stage().c_str(), evaluation.kind().c_str(),
      withThousands(score.tokens).c_str(), withThousands(score.bytes).c_str(),
      readableSeconds(score.seconds).c_str(), score.bitsPerByte(),
      score.nll / double(score.tokens)));
}

void Job::captureHessians() {
  double begin = Profile::now();
  pgrt::captureHessians(
      *executor, deviceRanks(), *data, [&](int64_t done, int64_t all) {
        progress.within("captured", "batches", done, all, begin);
      });
  executor->device().wait();
  if (plan.quantization().batches() > 0)
    progress.say(cat("captured  Hessians over ", plan.quantization().batches(),
                     " batches in ", readableSeconds(Profile::now() - begin)));
}

// Rank 0's alone: where matrices go through LAPACK one by one, and blocks
// through the codecs, there is little that other machines could take over.
void Job::buildArtifact() {
  ArtifactBuilder builder(*executor, *log, progress, versionText(),
                          data->dataHash());
  builder.build();
  builder.decode();
  result = builder.artifact();
  writeArtifact(result);
}

// All ranks take over what rank 0 decoded.
void Job::shareParameters() {
  if (ranks.size() == 1)
    return;
  for (const plan::Parameter &parameter : plan.parameters()) {
    void *address = executor->address(parameter.slot());
    int64_t bytes = typeBytes(parameter.type());
    for (int64_t size : parameter.shape())
      bytes *= size;
    std::vector<Send> sends;
    for (int rank = 1; root && rank < ranks.size(); ++rank)
      sends.push_back({rank, address, bytes});
    std::vector<Receive> receives;
    if (!root)
      receives.push_back({0, address, bytes});
    deviceRanks().exchangeOnDevice(sends, receives);
  }
  prepare();
}

void Job::quantize() {
  captureHessians();
  bool stop = false;
  if (root) {
    try {
      buildArtifact();
    } catch (const Stopped &) {
      stop = true;
    }
  }
  if (ranks.broadcastValue(stop))
    throw Stopped();
  packed = true;
  shareParameters();
  keepMemoryOf({"evaluate"});
}

// Written once before the scores are known, so that a long evaluation cannot
// lose it, and again with them.
void Job::writeArtifact(artifact::Artifact artifact) {
  for (const artifact::Claim &claim : claims)
    *artifact.add_claims() = claim;
  writeFileAtomically(out + "/artifact.pgz", frameArtifact(artifact));
  ArtifactBytes bytes = countArtifact(artifact);
  submission.bytes = bytes;
}

// Throws Stopped.
void Job::runStages() {
  if (wants("train")) {
    train();
    if (stopped)
      return;
  } else {
    prepare();
  }
  bool quantizes = wants("quantize");
  evaluate("trained");
  if (quantizes)
    quantize();
  // Weights that were given are scored by every item.
  if (quantizes || !wants("train"))
    evaluate("quantized");
  if (!quantizes)
    return;
  if (!root)
    return;
  writeArtifact(result);
  JsonWriter json;
  json.beginObject()
      .field("event", "artifact")
      .field("bytes_weights", submission.bytes->weights)
      .field("bytes_code", submission.bytes->code)
      .field("bytes_total", submission.bytes->total())
      .field("cap", int64_t(plan.pack().cap()))
      .endObject();
  log->write(json);
  progress.say(cat("artifact  ", withThousands(submission.bytes->total()),
                   " bytes: code ", withThousands(submission.bytes->code),
                   ", weights ", withThousands(submission.bytes->weights)));
}

} // namespace pgrt
