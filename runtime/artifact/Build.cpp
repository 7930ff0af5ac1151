#include "runtime/artifact/Build.h"
#include "runtime/artifact/ZeroOnes.h"
#include "runtime/executor/Profile.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Error.h"
#include "runtime/support/Interrupt.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace pgrt {

static ParallelFor threadsOf(Device &device) {
  return [&device](int64_t count, const std::function<void(int64_t)> &body) {
    device.onHostThreads(count, body);
  };
}

// Claims that will be written, so that their bytes count.
static int64_t bytesOfClaims(const plan::Plan &plan) {
  artifact::Artifact only;
  for (const plan::Evaluation &evaluation : plan.evaluations()) {
    if (evaluation.stage() != "quantized" ||
        !evaluationHasPrograms(plan, evaluation))
      continue;
    artifact::Claim *claim = only.add_claims();
    claim->set_kind(evaluation.kind());
    claim->set_seq(1);
    claim->set_stride(uint64_t(evaluation.stride()));
    claim->set_tokens(1);
    claim->set_bytes(1);
    claim->set_nll(1);
    claim->set_validation_hash(std::string(sizeof(Digest), '\0'));
  }
  return int64_t(only.ByteSizeLong());
}

ArtifactBuilder::ArtifactBuilder(Executor &executor, EventLog &log,
                                 Progress &progress,
                                 const std::string &producer,
                                 const Digest &dataHash)
    : executor(executor), plan(executor.plan()), log(log), progress(progress),
      steps(plan.pack()), parallel(threadsOf(executor.device())),
      table(makeTable(plan)) {
  result.set_producer(producer);
  result.set_model(plan.model_name());
  result.set_numerics(plan.numerics());
  result.set_code(makeBrotli(11)->encode(plan.source()));
  result.set_cap(plan.pack().cap());
  result.set_data_hash(dataHash.data(), dataHash.size());
  for (const plan::Pack::Codec &codec : plan.pack().codecs()) {
    artifact::Codec *added = result.add_codecs();
    added->set_name(codec.name());
    added->set_argument(codec.argument());
  }
}

void ArtifactBuilder::quantize(std::optional<double> solved) {
  throwIfInterrupted();
  ScalarInputs inputs;
  inputs.progress = 1;
  inputs.solved = solved;
  executor.run(*findProgram(plan, "quantize"), evaluateScalars(plan, inputs));
  leaves = readLeaves(executor);
}

// Of the whole file, claims included. The solved constant changes the blocks'
// densities: a sample is compressed anew where it has moved far.
double ArtifactBuilder::estimate(double solved) {
  constexpr double far = 1.3;
  PayloadParts parts = joinLeaves(leaves, steps.base3());
  if (curve.empty() || solved > sampledAt * far || solved * far < sampledAt) {
    curve.sample(parts, steps, parallel);
    sampledAt = solved;
  }
  artifact::Artifact rest = result;
  rest.clear_blocks();
  if (rest.table().empty()) // nothing was packed yet
    rest.set_table(makeBrotli(11)->encode(table.SerializeAsString()));
  return curve.estimate(parts, parallel) +
         double(countArtifact(rest).total() + bytesOfClaims(plan));
}

int64_t ArtifactBuilder::packedBytes() const {
  return countArtifact(result).total() + bytesOfClaims(plan);
}

int64_t ArtifactBuilder::pack() {
  double begin = Profile::now();
  packBlocks(result, table, joinLeaves(leaves, steps.base3()), steps, parallel,
             [&](int64_t done, int64_t all) {
               progress.within("packed", "blocks", done, all, begin);
             });
  // The message has no maps: its fields come in order, always.
  result.set_table(makeBrotli(11)->encode(table.SerializeAsString()));
  return packedBytes();
}

void ArtifactBuilder::build() {
  keepOriginals();
  const int64_t cap = plan.pack().cap();
  double begin = Profile::now();
  if (cap && !plan.pack().solve().empty() && solvedValue(plan)) {
    solve();
  } else {
    quantize(std::nullopt);
    progress.say(formatted("quantized in %s",
                           readableSeconds(Profile::now() - begin).c_str()));
    int64_t bytes = pack();
    if (cap && bytes > cap) {
      if (plan.pack().zero_ones() == 0)
        refuse(bytes, "");
      zeroUntilItFits(bytes);
    }
  }
  ArtifactBytes total = bytes();
  progress.say(cat("packed    ", withThousands(packedBytes()), " bytes: code ",
                   withThousands(total.code), ", weights ",
                   withThousands(packedBytes() - total.code),
                   cap ? formatted(", %.2f %% of the cap of %s",
                                   100 * double(packedBytes()) / double(cap),
                                   withThousands(cap).c_str())
                       : std::string(),
                   "; quantised and packed in ",
                   readableSeconds(Profile::now() - begin)));
}

void ArtifactBuilder::solve() {
  const std::string &name = plan.pack().solve();
  CapProblem problem;
  problem.value = *solvedValue(plan);
  problem.cap = plan.pack().cap();
  problem.estimate = [&](double value) {
    double begin = Profile::now();
    quantize(value);
    result.clear_solved();
    result.clear_solved_value();
    if (value != problem.value) {
      result.set_solved(name);
      result.set_solved_value(value);
    }
    double bytes = estimate(value);
    progress.say(formatted("quantized with %s = %.6g in %s: about %s bytes",
                           name.c_str(), value,
                           readableSeconds(Profile::now() - begin).c_str(),
                           withThousands(int64_t(bytes)).c_str()));
    return bytes;
  };
  problem.pack = [&] { return pack(); };
  problem.say = [&](const std::string &line) { progress.say(line); };
  CapSolution solution = fitCap(problem);
  if (!solution.fits) {
    quantize(problem.value); // the numbers are of the file's own value
    refuse(int64_t(estimate(problem.value)),
           formatted("; with %s raised from %.6g to %.6g still %s",
                     name.c_str(), problem.value, solution.value,
                     withThousands(solution.bytes).c_str()));
  }
  if (solution.value != problem.value)
    progress.say(formatted(
        "%s was raised from %.6g to %.6g so that the artifact fits its cap",
        name.c_str(), problem.value, solution.value));
  JsonWriter json;
  json.beginObject()
      .field("event", "solved")
      .field("constant", name)
      .field("from", problem.value)
      .field("to", solution.value)
      .field("quantisations", solution.quantisations)
      .field("packs", solution.packs)
      .endObject();
  log.write(json);
}

void ArtifactBuilder::zeroUntilItFits(int64_t bytes) {
  const int64_t cap = plan.pack().cap();
  int64_t zeroed = 0;
  while (bytes > cap) {
    int64_t wanted = std::max<int64_t>(
        1, int64_t(std::ceil(double(bytes - cap) * plan.pack().zero_ones())));
    int64_t done = zeroOnes(leaves, wanted);
    zeroed += done;
    if (done == 0)
      refuse(bytes, cat("; with all ", withThousands(zeroed),
                        " codes of ±1 zeroed too"));
    int64_t before = bytes;
    bytes = pack();
    progress.say(cat("zeroed ", withThousands(zeroed),
                     " codes of ±1: ", withThousands(before), " → ",
                     withThousands(bytes), " bytes"));
  }
  JsonWriter json;
  json.beginObject()
      .field("event", "zeroed")
      .field("codes", zeroed)
      .endObject();
  log.write(json);
}

void ArtifactBuilder::refuse(int64_t bytes, const std::string &tried) const {
  struct Row {
    std::string name;
    double bytes = 0;
    int64_t codes = 0;
  };
  std::vector<Row> rows;
  for (const StoredLeaf &stored : leaves) {
    const std::string &name =
        plan
            .parameters(int(
                plan.quantization().quantizers(stored.quantizer).parameter()))
            .name();
    if (rows.empty() || rows.back().name != name)
      rows.push_back({name});
    double entropy = leafEntropyBytes(stored);
    bool wide = stored.elementBytes() == 2;
    rows.back().bytes +=
        entropy *
        curve.ratio(wide, 8 * entropy /
                              double(std::max<size_t>(1, stored.bytes.size())));
    if (stored.leaf->kind() == plan::Leaf::CODES)
      rows.back().codes += stored.elements;
  }
  std::sort(rows.begin(), rows.end(), [](const Row &a, const Row &b) {
    return std::tie(b.bytes, a.name) < std::tie(a.bytes, b.name);
  });
  const int64_t cap = plan.pack().cap();
  std::string text =
      cat("the artifact does not fit: ", withThousands(bytes), " bytes, ",
          withThousands(bytes - cap), " over the cap of ", withThousands(cap),
          " (code ", withThousands(countArtifact(result).code), ")", tried,
          ". The largest tensors, and what a bit less a code saves:");
  for (size_t i = 0; i < rows.size() && i < 8; ++i)
    text += formatted(
        "\n  %-40s %12s bytes%s", rows[i].name.c_str(),
        withThousands(int64_t(rows[i].bytes)).c_str(),
        rows[i].codes
            ? cat(", ", withThousands(rows[i].codes / 8), " a bit").c_str()
            : ", stored as float16");
  failInput(text, "\nstore fewer bits, make the model smaller, or raise cap()");
}

std::vector<double> ArtifactBuilder::parameterValues(int index) const {
  const plan::Parameter &parameter = plan.parameters(index);
  int64_t elements = 1;
  for (int64_t size : parameter.shape())
    elements *= size;
  std::vector<double> values(static_cast<size_t>(elements));
  const void *from = executor.address(parameter.slot());
  if (parameter.type() == plan::F64) {
    executor.device().read(values.data(), from, elements * 8);
  } else {
    std::vector<float> narrow(values.size());
    executor.device().read(narrow.data(), from, elements * 4);
    std::copy(narrow.begin(), narrow.end(), values.begin());
  }
  return values;
}

void ArtifactBuilder::keepOriginals() {
  originals.resize(size_t(plan.parameters_size()));
  parallel(plan.parameters_size(), [&](int64_t i) {
    std::vector<double> values = parameterValues(int(i));
    originals[size_t(i)].assign(values.begin(), values.end());
  });
}

void ArtifactBuilder::decode() {
  artifact::Table read;
  if (!read.ParseFromString(makeBrotli(11)->decode(result.table(), 1 << 24)))
    failMachine("the artifact's table cannot be read back");
  decodeArtifact(executor, result, read);
  logParameters();
  originals.clear();
}

void ArtifactBuilder::logParameters() {
  const plan::Quantization &quantization = plan.quantization();
  std::vector<double> squares(size_t(quantization.quantizers_size())),
      errors(squares.size()), bytes(squares.size());
  parallel(quantization.quantizers_size(), [&](int64_t i) {
    int parameter = int(quantization.quantizers(int(i)).parameter());
    std::vector<double> values = parameterValues(parameter);
    for (size_t j = 0; j < values.size(); ++j) {
      double before = double(originals[size_t(parameter)][j]);
      squares[size_t(i)] += before * before;
      errors[size_t(i)] += (values[j] - before) * (values[j] - before);
    }
    for (const StoredLeaf &stored : leaves)
      if (stored.quantizer == int(i))
        bytes[size_t(i)] += leafEntropyBytes(stored);
  });
  double allBytes = 0, allErrors = 0, allSquares = 0;
  int64_t allElements = 0;
  for (int i = 0; i < quantization.quantizers_size(); ++i) {
    const plan::Quantizer &quantizer = quantization.quantizers(i);
    int parameter = int(quantizer.parameter());
    int64_t elements = int64_t(originals[size_t(parameter)].size());
    double square = squares[size_t(i)], error = errors[size_t(i)];
    JsonWriter json;
    json.beginObject()
        .field("event", "quantized")
        .field("parameter", plan.parameters(parameter).name())
        .field("rule", quantizer.rule())
        .field("elements", elements)
        .field("bits_per_weight",
               8 * bytes[size_t(i)] / double(std::max<int64_t>(1, elements)))
        .field("error",
               square > 0 ? std::sqrt(error / square) : std::sqrt(error));
    json.key("stored").beginArray();
    for (const plan::Leaf &leaf : quantizer.leaves())
      json.value(leaf.kind() == plan::Leaf::F16
                     ? std::string("f16")
                     : cat("codes ", leaf.lo(), "…", leaf.hi()));
    json.endArray().endObject();
    log.write(json);
    allBytes += bytes[size_t(i)], allErrors += error, allSquares += square;
    allElements += elements;
  }
  progress.say(
      formatted("decoded   %s parameters, %.3f bits each, relative error %.4f",
                withThousands(allElements).c_str(),
                8 * allBytes / double(std::max<int64_t>(1, allElements)),
                allSquares > 0 ? std::sqrt(allErrors / allSquares) : 0.0));
}

void decodeArtifact(Executor &executor, const artifact::Artifact &artifact,
                    const artifact::Table &table) {
  const plan::Plan &plan = executor.plan();
  const plan::Program *decode = findProgram(plan, "decode");
  if (!decode)
    failInput("the plan has no program that decodes an artifact");
  checkTable(plan, table);
  std::vector<StoredLeaf> leaves = describeLeaves(plan);
  unpackLeaves(leaves, artifact, table, threadsOf(executor.device()));
  executor.allocateFor(*decode);
  writeLeaves(executor, leaves);
  std::vector<double> scalars = evaluateScalars(plan, 0, 1);
  executor.run(*decode, scalars);
  if (const plan::Program *prepare = findProgram(plan, "prepare"))
    executor.run(*prepare, scalars);
}

} // namespace pgrt
