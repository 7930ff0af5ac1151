#include "runtime/collective/MpiCollective.h"
#include "runtime/collective/Liveness.h"
#include "runtime/collective/mpi/MpiDriver.h"
#include "runtime/support/Error.h"

#include <chrono>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <sched.h>
#include <thread>
#include <unistd.h>

namespace pgrt {

std::string launcherVariable() {
  for (const char *name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE",
                           "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    int64_t size = 0;
    const char *value = std::getenv(name);
    if (value && parseInteger(value, size) && size > 1)
      return cat(name, "=", value);
  }
  return "";
}

namespace {
/// The processors that this process may use, as text.
std::string processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  std::string text;
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &set))
      text += cat(i, ",");
  return text;
}

/// Waiting without taking the processor from who is waited for.
class Patience {
public:
  void wait() {
    ++turns;
    if (turns < 200)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(
          std::chrono::microseconds(turns < 2000 ? 50 : 500));
  }

private:
  int turns = 0;
};

class MpiCollective final : public Collective {
public:
  explicit MpiCollective(const PgrtMpiDriver &driver) : driver(driver) {
    if (driver.init(&own, &ranks))
      failMachine("MPI does not start: ", driver.error());
  }

  // Where everybody is, and the connections that tell whether everybody lives.
  void meet() {
    std::string place = cat(hostName(), "\n", processors());
    std::vector<std::string> places = allGatherTexts(place),
                             ids = allGatherTexts(cat(getpid()));
    std::vector<std::string> names;
    for (int other = 0; other < ranks; ++other) {
      sharing += places[size_t(other)] == place;
      names.push_back(cat("rank ", other, " (",
                          split(places[size_t(other)], '\n')[0], ", process ",
                          ids[size_t(other)], ")"));
    }
    constexpr double seconds = 30;
    Meeting meeting;
    std::vector<Socket> connections;
    if (own == 0) {
      Socket listener = listenForRanks(meeting);
      broadcastText(meeting.text());
      connections = acceptRanks(listener, meeting, ranks, seconds);
    } else {
      meeting = Meeting::parse(broadcastText(""));
      connections.push_back(connectToRoot(meeting, own, seconds));
    }
    this->names = names;
    liveness = std::make_unique<Liveness>(own, names, std::move(connections),
                                          Liveness::Options());
  }

  int rank() const override { return own; }
  int size() const override { return ranks; }
  std::string nameOf(int rank) const override { return names[size_t(rank)]; }
  int ranksOnProcessors() const override { return sharing; }

  void exchange(std::span<const Send> sends,
                std::span<const Receive> receives) override {
    check();
    std::vector<PgrtMpiMessage> out, in;
    for (const Send &send : sends)
      out.push_back({send.to, const_cast<void *>(send.data), send.bytes});
    for (const Receive &receive : receives)
      in.push_back({receive.from, receive.data, receive.bytes});
    void *handle = nullptr;
    int done = 0;
    bool bad = driver.start(out.data(), int(out.size()), in.data(),
                            int(in.size()), &handle) != 0;
    for (Patience patience; !bad && !done;) {
      bad = driver.test(handle, &done) != 0;
      if (!done) {
        check();
        patience.wait();
      }
    }
    if (bad)
      failMachine("MPI cannot exchange: ", driver.error());
  }

  void check() override {
    if (liveness)
      liveness->throwIfLost();
  }
  void askToStop() override { liveness->askToStop(); }
  bool fail(const std::string &message) noexcept override {
    return !liveness || liveness->fail(message);
  }
  void finish() override {
    barrier();
    liveness->finish();
    if (driver.finalize())
      failMachine("MPI does not end: ", driver.error());
  }

private:
  const PgrtMpiDriver &driver;
  int own = 0, ranks = 0, sharing = 0;
  std::vector<std::string> names;
  std::unique_ptr<Liveness> liveness;
};
} // namespace

std::unique_ptr<Collective> openMpi() {
  std::error_code error;
  std::string path =
      std::filesystem::read_symlink("/proc/self/exe", error).parent_path() /
      "pgrt-mpi.so";
  const std::string started =
      cat("this process is one of several (", launcherVariable(), "), but ");
  // MPI's plugins look for its symbols among the global ones.
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (!library)
    failMachine(started, "MPI cannot be opened: ", dlerror(),
                "; install libopenmpi-dev and build again");
  auto *table = reinterpret_cast<decltype(&pgrtMpi)>(dlsym(library, "pgrtMpi"));
  if (!table)
    failMachine(started, "'", path, "' is not of this pgrt");
  auto collective = std::make_unique<MpiCollective>(*table());
  if (collective->size() == 1)
    failMachine(started,
                "MPI knows of one only: the launcher is not of the "
                "MPI that pgrt-mpi.so is linked with (with Slurm: srun "
                "--mpi=pmix)");
  collective->meet();
  return collective;
}

} // namespace pgrt
