// The commands of pgrt. Each takes its arguments, throws Error, and returns the
// exit status otherwise.
#pragma once

#include "runtime/device/Device.h"

#include <memory>
#include <string>
#include <vector>

namespace pgrt {

/// pgrt PLAN: the whole job.
int runJob(const std::vector<std::string> &arguments);
/// pgrt probe PLAN: one forward and backward.
int runProbe(const std::vector<std::string> &arguments);
/// pgrt inspect PLAN|ARTIFACT: what is in it.
int runInspect(const std::vector<std::string> &arguments);
int inspectArtifact(const std::string &path, bool asJson);
/// pgrt eval ARTIFACT: its scores.
int runEval(const std::vector<std::string> &arguments);
/// pgrt verify ARTIFACT: whether it is legal, and scores what it claims.
int runVerify(const std::vector<std::string> &arguments);
/// pgrt entry RUN RUN RUN: several runs become an entry.
int runEntry(const std::vector<std::string> &arguments);

/// The kind of a device that is named "cpu", "cuda" or "cuda:N": "cpu" or
/// "cuda". Throws Error (Usage) for other names.
std::string deviceKind(const std::string &name);
/// The device of that name, with so many threads (0: one for each processor).
std::unique_ptr<Device> openDevice(const std::string &name, int64_t threads);

/// "pgrt 0.1.0"
const char *versionText();

} // namespace pgrt
