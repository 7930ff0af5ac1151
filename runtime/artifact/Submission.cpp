#include "runtime/artifact/Submission.h"
#include "runtime/support/AtomicFile.h"
#include "runtime/support/Json.h"

#include <ctime>

namespace pgrt {

static std::string today() {
  std::time_t now = std::time(nullptr);
  std::tm utc = {};
  gmtime_r(&now, &utc);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &utc);
  return text;
}

void writeSubmission(const std::string &path, const Submission &submission) {
  JsonWriter json;
  json.beginObject();
  // The submitter fills these in.
  json.key("author").null().key("github_id").null();
  json.field("name", submission.name)
      .field("date", today())
      .key("track")
      .null();
  auto optionalField = [&](const char *name,
                           const std::optional<double> &value) {
    json.key(name);
    value ? json.value(*value) : json.null();
  };
  optionalField("val_bpb", submission.valBpb);
  json.key("val_bpb_std").null(); // of one seed there is none
  json.key("seeds").beginArray().value(submission.seed).endArray();
  json.key("seed_results")
      .beginObject()
      .key(std::to_string(submission.seed))
      .beginObject();
  optionalField("val_bpb", submission.valBpb);
  optionalField("val_loss", submission.valLoss);
  json.key("artifact_bytes").null();
  json.field("steps", submission.steps)
      .field("train_seconds", submission.trainSeconds);
  optionalField("eval_seconds", submission.evalSeconds);
  json.endObject().endObject();
  json.key("bytes_total").null().key("bytes_code").null();
  json.field("hardware", submission.hardware)
      .field("versions", submission.versions)
      .field("plan_hash", submission.planHash)
      .field("data_hash", submission.dataHash)
      .endObject();
  writeFileAtomically(path, json.text() + "\n");
}

} // namespace pgrt
