#include "tests/gpusim/Harness.h"

#include <cstdlib>
#include <fstream>
#include <unistd.h>

namespace gpusim::test {

std::string kernelText(const std::string &parameters, const std::string &body,
                       const std::string &moduleLevel,
                       const std::string &directives) {
  return ".version 8.0\n.target sm_90a\n.address_size 64\n" + moduleLevel +
         "\n.visible .entry k(" + parameters + ")\n" + directives + "\n{\n" +
         body + "\nret;\n}\n";
}

bool assemblerPresent() {
  static const bool present =
      std::system("command -v ptxas > /dev/null 2>&1") == 0;
  return present;
}

testing::AssertionResult assembles(const std::string &ptx) {
  if (!assemblerPresent())
    return testing::AssertionSuccess();
  char name[] = "/tmp/gpusim-test-XXXXXX";
  int file = mkstemp(name);
  if (file < 0)
    return testing::AssertionFailure() << "no temporary file";
  close(file);
  std::ofstream(name) << ptx;
  std::string log = std::string(name) + ".log";
  std::string command = "ptxas -arch=sm_90a " + std::string(name) +
                        " -o /dev/null > " + log + " 2>&1";
  bool good = std::system(command.c_str()) == 0;
  std::ifstream said(log);
  std::string message((std::istreambuf_iterator<char>(said)), {});
  unlink(name);
  unlink(log.c_str());
  if (good)
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << "ptxas refuses it: " << message << ptx;
}

} // namespace gpusim::test
