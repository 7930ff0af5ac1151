#include "runtime/plan/PlanFile.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

namespace pgrt {

static constexpr FrameKind planFrame = {
    {"PGPLAN\r\n", 8},
    planVersion,
    planMaxBytes,
    "plan",
    "a plan",
    "compile the model again with the pgc that came with it"};

std::string framePlan(const plan::Plan &plan) {
  if (plan.ByteSizeLong() > planMaxBytes)
    return "";
  std::string payload;
  {
    google::protobuf::io::StringOutputStream stream(&payload);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    plan.SerializeWithCachedSizes(&coded);
  }
  return frame(planFrame, payload);
}

std::string unframePlan(std::string_view file, plan::Plan &plan,
                        Digest *digest) {
  std::string_view payload;
  std::string problem = unframe(planFrame, file, payload, digest);
  if (!problem.empty())
    return problem;
  google::protobuf::LogSilencer
      silencer; // what is wrong is for the caller to say
  if (!plan.ParseFromArray(payload.data(), int(payload.size())))
    return "the file is damaged: its content is not a plan message";
  return "";
}

} // namespace pgrt
