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
  const std::optional<Score> &score = submission.counting;
  auto optionalNumber = [&](const char *name, auto number) {
    json.key(name);
    number ? json.value(*number) : json.null();
  };
  using Number = std::optional<double>;
  using Whole = std::optional<int64_t>;
  Number bpb = score ? Number(score->bitsPerByte()) : Number();
  Whole total = submission.bytes ? Whole(submission.bytes->total()) : Whole(),
        code = submission.bytes ? Whole(submission.bytes->code) : Whole();
  optionalNumber("val_bpb", bpb);
  json.key("val_bpb_std").null(); // of one seed there is none
  json.key("seeds").beginArray().value(submission.seed).endArray();
  json.key("seed_results")
      .beginObject()
      .key(std::to_string(submission.seed))
      .beginObject();
  optionalNumber("val_bpb", bpb);
  optionalNumber("val_loss",
                 score ? Number(score->nll / double(score->tokens)) : Number());
  optionalNumber("artifact_bytes", total);
  json.field("steps", submission.steps)
      .field("train_seconds", submission.trainSeconds);
  optionalNumber("eval_seconds", score ? Number(score->seconds) : Number());
  json.endObject().endObject();
  optionalNumber("bytes_total", total);
  optionalNumber("bytes_code", code);
  json.field("hardware", submission.hardware)
      .field("versions", submission.versions)
      .field("plan_hash", submission.planHash)
      .field("data_hash", submission.dataHash)
      .endObject();
  writeFileAtomically(path, json.text() + "\n");
}

} // namespace pgrt
