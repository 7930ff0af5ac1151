#include "runtime/cli/Report.h"
#include "runtime/collective/LostRank.h"

#include <cstdio>
#include <new>

namespace pgrt {

int withErrorsReported(const std::function<int()> &body,
                       const std::function<bool(const std::string &)> &tell) {
  auto report = [&](ExitCode code, const char *message) {
    if (!tell || tell(message))
      std::fprintf(stderr, "pgrt: error: %s\n", message);
    return int(code);
  };
  try {
    return body();
  } catch (const LostRank &lost) {
    return int(lost.code); // printed when it was found
  } catch (const Error &error) {
    return report(error.code, error.what());
  } catch (const std::bad_alloc &) {
    return report(ExitCode::Machine, "not enough memory");
  } catch (const std::exception &error) {
    return report(ExitCode::Machine, error.what());
  }
}

} // namespace pgrt
