#include "runtime/artifact/ArtifactFile.h"
#include "runtime/entry/Entry.h"
#include "runtime/support/AtomicFile.h"
#include "runtime/support/MappedFile.h"
#include "runtime/support/Text.h"

#include <algorithm>

namespace pgrt {

static void copyMember(JsonWriter &json, const JsonValue &object,
                       const char *name) {
  const JsonValue *value = object.find(name);
  json.key(name);
  if (value && value->kind == JsonValue::Kind::String)
    json.value(value->string);
  else
    json.null();
}

static std::string submissionText(const std::vector<EntryRun> &runs,
                                  const EntryFigures &figures) {
  const EntryRun &first = runs.front();
  JsonWriter json;
  json.beginObject();
  for (const char *name : {"author", "github_id", "name", "date", "track"})
    copyMember(json, first.submission, name);
  json.field("val_bpb", figures.bpb).field("val_bpb_std", figures.deviation);
  json.key("seeds").beginArray();
  for (const EntryRun &run : runs)
    json.value(run.seed);
  json.endArray().key("seed_results").beginObject();
  for (const EntryRun &run : runs)
    json.key(std::to_string(run.seed))
        .beginObject()
        .field("val_bpb", run.bpb)
        .field("val_loss", run.loss)
        .field("artifact_bytes", run.artifactBytes)
        .field("steps", run.steps)
        .field("train_seconds", run.trainSeconds)
        .field("eval_seconds", run.evalSeconds)
        .endObject();
  json.endObject()
      .field("bytes_total", figures.largestBytes)
      .field("bytes_code", first.codeBytes);
  if (figures.against)
    json.key("against")
        .beginObject()
        .field("val_bpb", *figures.against)
        .field("threshold_bpb", *figures.threshold)
        .field("t", *figures.t)
        .field("p", *figures.p)
        .endObject();
  json.field("hardware", first.hardware)
      .field("versions", first.versions)
      .field("plan_hash", first.planHash)
      .field("data_hash", first.dataHash)
      .endObject();
  return json.text() + "\n";
}

static std::string evaluationTable(const EntryRun &run) {
  std::string text;
  for (const JsonValue &event : run.evaluations) {
    auto number = [&](const char *name) {
      const JsonValue *value = event.find(name);
      return value ? value->number : 0.0;
    };
    auto word = [&](const char *name) {
      const JsonValue *value = event.find(name);
      return value ? value->string : std::string();
    };
    text += formatted(
        "| %lld | %s | %s | %.6f | %s | %.1f |\n", (long long)run.seed,
        word("stage").c_str(), word("kind").c_str(), number("bpb"),
        withThousands(int64_t(number("tokens"))).c_str(), number("seconds"));
  }
  return text;
}

static std::string readmeText(const std::vector<EntryRun> &runs,
                              const EntryFigures &figures,
                              const std::string &model) {
  const EntryRun &first = runs.front();
  std::string text = cat("# ", first.name, "\n\n");
  text += formatted("**val_bpb %.6f** (mean of %zu seeds, standard deviation "
                    "%.6f; loss %.6f nats a token). The largest artifact has "
                    "%s bytes, code included.\n\n",
                    figures.bpb, runs.size(), figures.deviation, figures.loss,
                    withThousands(figures.largestBytes).c_str());
  if (figures.against)
    text += formatted(
        "Against a record of %.6f: it must be beaten by %.3f nats a token, "
        "that is, %.6f must be undercut. One-sided t-test: t = %.3f, "
        "p = %.3g.%s\n\n",
        *figures.against, recordNats, *figures.threshold, *figures.t,
        *figures.p, *figures.p < 0.01 ? "" : " That is **not** below 0.01.");
  text += "| seed | val_bpb | val_loss | artifact, bytes | code, bytes | steps "
          "| training, s | evaluation, s |\n"
          "|---|---|---|---|---|---|---|---|\n";
  for (const EntryRun &run : runs)
    text += formatted("| %lld | %.6f | %.6f | %s | %s | %lld | %.1f | %.1f |\n",
                      (long long)run.seed, run.bpb, run.loss,
                      withThousands(run.artifactBytes).c_str(),
                      withThousands(run.codeBytes).c_str(),
                      (long long)run.steps, run.trainSeconds, run.evalSeconds);
  text += "\nAll evaluations:\n\n| seed | weights | kind | bpb | tokens | s "
          "|\n|---|---|---|---|---|---|\n";
  for (const EntryRun &run : runs)
    text += evaluationTable(run);
  text += cat("\n`", model, "` is the whole experiment. To run it again:\n\n",
              "```\npgc ", model, " -o ", first.name, ".plan\n");
  for (const EntryRun &run : runs)
    text += cat("pgrt ", first.name, ".plan --seed ", run.seed, "\n");
  text +=
      cat("```\n\nHardware: ", first.hardware, ". Versions: ", first.versions,
          ". Plan ", first.planHash, ", data ", first.dataHash, ".\n");
  return text;
}

void writeEntry(const std::string &folder, const std::vector<EntryRun> &runs,
                const EntryFigures &figures) {
  makeFolders(folder);
  std::string model = runs.front().name + ".pgm";
  std::unique_ptr<LoadedArtifact> artifact =
      loadArtifact(runs.front().folder + "/artifact.pgz");
  writeFileAtomically(folder + "/" + model, artifact->code);
  for (const EntryRun &run : runs)
    writeFileAtomically(cat(folder, "/train_seed", run.seed, ".jsonl"),
                        MappedFile(run.folder + "/log.jsonl").bytes());
  writeFileAtomically(folder + "/README.md", readmeText(runs, figures, model));
  writeFileAtomically(folder + "/submission.json",
                      submissionText(runs, figures));
}

} // namespace pgrt
