#include "runtime/cli/ArtifactPlan.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/support/AtomicFile.h"
#include "runtime/support/Error.h"
#include "runtime/support/MappedFile.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace pgrt {

namespace fs = std::filesystem;

namespace {
/// A folder of its own that goes with its contents.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::error_code error;
    fs::path base = fs::temp_directory_path(error);
    path = (error ? fs::path("/tmp") : base) / "pgrt-XXXXXX";
    if (!mkdtemp(path.data()))
      failSystem("cannot make the folder", path);
  }
  ~TemporaryFolder() {
    std::error_code error;
    fs::remove_all(path, error);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  std::string path;
};

std::string compilerPath() {
  std::error_code error;
  fs::path own = fs::read_symlink("/proc/self/exe", error);
  fs::path pgc = own.parent_path() / "pgc";
  if (error || !fs::exists(pgc, error))
    failInput("an artifact is scored with programs that pgc compiles from it, "
              "and there is no pgc beside this pgrt ('",
              pgc.string(),
              "'): install it there, or compile the plan elsewhere and give it "
              "with --plan");
  return pgc.string();
}

void runCompiler(std::vector<std::string> arguments) {
  std::vector<char *> pointers;
  for (std::string &argument : arguments)
    pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  int error = posix_spawn(&child, pointers[0], nullptr, nullptr,
                          pointers.data(), environ);
  if (error)
    failMachine("cannot start '", arguments[0], "': ", std::strerror(error));
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      failMachine("lost '", arguments[0], "': ", std::strerror(errno));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    failInput("the artifact's code does not compile (see above): it was made "
              "by another version, or by hand");
}

void compileArtifact(const LoadedArtifact &artifact, const std::string &device,
                     const std::string &folder, const std::string &plan) {
  std::string source = folder + "/" + artifact.artifact.model() + ".pgm";
  writeFileAtomically(source, artifact.code);
  std::vector<std::string> command = {compilerPath(), "--only=evaluate",
                                      "--numerics=" +
                                          artifact.artifact.numerics()};
  if (device == "cuda")
    command.push_back(cat("--target=", gpuTargetName));
  command.insert(command.end(), {source, "-o", plan});
  runCompiler(command);
}

// Rank 0 has the file at this path; then all have.
void shareFile(const std::string &path, Collective &ranks) {
  if (ranks.size() == 1)
    return;
  std::string bytes;
  if (ranks.rank() == 0)
    bytes = MappedFile(path).bytes();
  bytes = ranks.broadcastText(std::move(bytes));
  if (ranks.rank() != 0)
    writeFileAtomically(path, bytes);
}
} // namespace

std::unique_ptr<LoadedPlan> planOfArtifact(const LoadedArtifact &artifact,
                                           const std::string &planPath,
                                           const std::string &device,
                                           Collective &ranks) {
  std::unique_ptr<LoadedPlan> loaded;
  if (!planPath.empty()) {
    loaded = loadPlan(planPath, device);
  } else {
    TemporaryFolder folder;
    std::string plan = folder.path + "/artifact.plan";
    if (ranks.rank() == 0)
      compileArtifact(artifact, device, folder.path, plan);
    shareFile(plan, ranks);
    loaded = loadPlan(plan, device);
    loaded->path = artifact.path + " (compiled)";
  }
  if (loaded->plan.numerics() != artifact.artifact.numerics())
    failInput("the plan computes in ", loaded->plan.numerics(),
              ", the artifact's scores were computed in ",
              artifact.artifact.numerics());
  return loaded;
}

} // namespace pgrt
