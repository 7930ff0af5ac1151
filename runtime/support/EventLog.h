// log.jsonl: one JSON object a line, on disk as soon as it is written.
#pragma once

#include "runtime/support/Json.h"

#include <cstdio>
#include <string>

namespace pgrt {

class EventLog {
public:
  /// Starts the file anew. An empty path: nothing is written.
  explicit EventLog(const std::string &path);
  EventLog(const EventLog &) = delete;
  EventLog &operator=(const EventLog &) = delete;
  ~EventLog();

  void write(const JsonWriter &event);

private:
  std::string path;
  std::FILE *file = nullptr;
};

} // namespace pgrt
