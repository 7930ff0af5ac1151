#include "runtime/support/EventLog.h"
#include "runtime/support/Error.h"

namespace pgrt {

EventLog::EventLog(const std::string &path) : path(path) {
  if (path.empty())
    return;
  file = std::fopen(path.c_str(), "we");
  if (!file)
    failSystem("cannot write", path);
}

EventLog::~EventLog() {
  if (file)
    std::fclose(file);
}

void EventLog::write(const JsonWriter &event) {
  if (!file)
    return;
  std::string line = event.text() + "\n";
  if (std::fwrite(line.data(), 1, line.size(), file) != line.size() ||
      std::fflush(file) != 0)
    failSystem("cannot write", path);
}

} // namespace pgrt
