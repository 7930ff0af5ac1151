#include "runtime/entry/Entry.h"
#include "runtime/artifact/ArtifactFile.h"
#include "runtime/entry/Statistics.h"
#include "runtime/support/AtomicFile.h"
#include "runtime/support/Error.h"
#include "runtime/support/MappedFile.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace pgrt {

namespace {
/// The members of submission.json, or an error that names the file.
class Fields {
public:
  Fields(const JsonValue &object, std::string where)
      : object(object), where(std::move(where)) {}

  const JsonValue &get(const char *name) const {
    const JsonValue *value = object.find(name);
    if (!value || value->kind == JsonValue::Kind::Null)
      failInput(where, " has no '", name,
                "': the run was stopped, or left a stage out");
    return *value;
  }
  double number(const char *name) const {
    const JsonValue &value = get(name);
    if ((value.kind != JsonValue::Kind::Number &&
         value.kind != JsonValue::Kind::Integer) ||
        !std::isfinite(value.number))
      failInput(where, ": '", name, "' is not a number");
    return value.number;
  }
  int64_t integer(const char *name) const {
    if (get(name).kind != JsonValue::Kind::Integer)
      failInput(where, ": '", name, "' is not a whole number");
    return get(name).integer;
  }
  std::string text(const char *name) const {
    if (get(name).kind != JsonValue::Kind::String)
      failInput(where, ": '", name, "' is not a text");
    return get(name).string;
  }

private:
  const JsonValue &object;
  std::string where;
};

JsonValue parseFile(const std::string &path) {
  JsonValue value;
  std::string problem = parseJson(MappedFile(path).bytes(), value);
  if (!problem.empty())
    failInput("'", path, "': ", problem);
  return value;
}

// The evaluation that counts is the one whose BPB the submission states.
void readLog(EntryRun &run) {
  std::string path = run.folder + "/log.jsonl";
  MappedFile file(path);
  for (const std::string &line : split(file.bytes(), '\n')) {
    JsonValue event;
    std::string problem = parseJson(line, event);
    if (!problem.empty())
      failInput("'", path, "': ", problem);
    const JsonValue *kind = event.find("event");
    if (!kind || kind->string != "eval")
      continue;
    Fields fields(event, cat("'", path, "'"));
    if (fields.number("bpb") == run.bpb) {
      run.tokens = fields.number("tokens");
      run.bytes = fields.number("bytes");
    }
    run.evaluations.push_back(event);
  }
  if (run.tokens <= 0 || run.bytes <= 0)
    failInput("'", path,
              "' has no evaluation with the score of submission.json"
              ": they are of different runs");
}
} // namespace

EntryRun readRun(const std::string &folder) {
  EntryRun run;
  run.folder = folder;
  std::string path = folder + "/submission.json";
  run.submission = parseFile(path);
  std::string where = cat("'", path, "'");
  Fields fields(run.submission, where);
  const JsonValue &seeds = fields.get("seeds");
  if (seeds.items.size() != 1 ||
      seeds.items[0].kind != JsonValue::Kind::Integer)
    failInput(where, " is not of one seed: give the runs, not an entry");
  run.seed = seeds.items[0].integer;
  Fields results(fields.get("seed_results"), where);
  Fields own(results.get(std::to_string(run.seed).c_str()), where);
  run.bpb = own.number("val_bpb");
  run.loss = own.number("val_loss");
  run.artifactBytes = own.integer("artifact_bytes");
  run.codeBytes = fields.integer("bytes_code");
  run.steps = own.integer("steps");
  run.trainSeconds = own.number("train_seconds");
  run.evalSeconds = own.number("eval_seconds");
  run.planHash = fields.text("plan_hash");
  run.dataHash = fields.text("data_hash");
  run.name = fields.text("name");
  run.hardware = fields.text("hardware");
  run.versions = fields.text("versions");
  readLog(run);
  std::unique_ptr<LoadedArtifact> artifact =
      loadArtifact(folder + "/artifact.pgz");
  if (artifact->bytes.total() != run.artifactBytes)
    failInput("'", artifact->path, "' has ", artifact->bytes.total(),
              " bytes, submission.json says ", run.artifactBytes);
  if (artifact->artifact.cap() &&
      artifact->bytes.total() > artifact->artifact.cap())
    failInput("'", artifact->path, "' is over its cap");
  return run;
}

void checkRuns(const std::vector<EntryRun> &runs) {
  const EntryRun &first = runs.front();
  for (size_t i = 1; i < runs.size(); ++i) {
    const EntryRun &other = runs[i];
    auto refuse = [&](const char *what) {
      failInput("'", first.folder, "' and '", other.folder,
                "' differ in their ", what,
                ": an entry is several seeds of one plan on one data set");
    };
    if (other.name != first.name)
      refuse("model");
    if (other.planHash != first.planHash)
      refuse("plans");
    if (other.dataHash != first.dataHash)
      refuse("data");
    if (other.tokens != first.tokens || other.bytes != first.bytes)
      refuse("validation sets");
    for (size_t j = 0; j < i; ++j)
      if (runs[j].seed == other.seed)
        failInput("'", runs[j].folder, "' and '", other.folder,
                  "' have the same seed, ", other.seed);
  }
  if (runs.size() < 3)
    failInput("an entry needs at least three seeds; these are ", runs.size());
}

EntryFigures entryFigures(const std::vector<EntryRun> &runs,
                          std::optional<double> against) {
  EntryFigures figures;
  std::vector<double> scores, losses;
  for (const EntryRun &run : runs) {
    scores.push_back(run.bpb);
    losses.push_back(run.loss);
    figures.largestBytes = std::max(figures.largestBytes, run.artifactBytes);
  }
  figures.bpb = meanOf(scores);
  figures.deviation = deviationOf(scores);
  figures.loss = meanOf(losses);
  if (against) {
    double tokensPerByte = runs.front().tokens / runs.front().bytes;
    figures.against = against;
    figures.threshold =
        *against - recordNats / std::numbers::ln2 * tokensPerByte;
    TTest test = testBelow(scores, *figures.threshold);
    figures.t = test.t;
    figures.p = test.p;
  }
  return figures;
}

} // namespace pgrt
