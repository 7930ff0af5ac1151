// Beside MPI, which may wait for ever for a rank that is gone: a connection of
// each rank with rank 0, on which the system tells at once that a process has
// ended, heartbeats tell of a machine that is silent, and ranks tell of errors.
#pragma once

#include "runtime/collective/Socket.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pgrt {

/// What is detected, and by what:
///  - a process that ended without a word (killed, crashed): the end of its
///    connection, in milliseconds; by rank 0, which tells the others, and by
///    all if it was rank 0;
///  - a machine or a network that is gone: no heartbeat for `silence` seconds;
///  - an error on a rank: that rank's message.
/// A rank that hangs in its own computation keeps beating: it is not detected.
class Liveness {
public:
  struct Options {
    double beat = 1;     // seconds between heartbeats
    double silence = 10; // without one: the rank is lost
    /// After the news of a loss, what the main thread has to notice it by
    /// itself, finishing a file that it writes; then the process ends.
    double grace = 0.5;
    /// Ends the process. For tests: something else.
    std::function<void()> end;
    /// Prints a message. For tests: something else.
    std::function<void(const std::string &)> print;
  };

  /// `connections`: of rank 0 one with each rank, its own not open; of others
  /// one, with rank 0, at index 0. `names` of all ranks, for messages.
  Liveness(int rank, std::vector<std::string> names,
           std::vector<Socket> connections, Options options);
  Liveness(const Liveness &) = delete;
  Liveness &operator=(const Liveness &) = delete;
  ~Liveness();

  /// Throws LostRank once a rank is lost or has failed.
  void throwIfLost();

  /// See Collective.
  void askToStop();
  bool fail(const std::string &message) noexcept;

  /// From now on nobody minds that connections end. To be called when no rank
  /// can fail any more.
  void finish();

private:
  enum class Kind : uint8_t { Beat, Stop, Failure, Done };
  struct Peer {
    int rank;
    Socket socket;
    std::string unread; // bytes of a message that is not complete
    double heard = 0;
    bool done = false;
  };

  void loop();
  void readFrom(Peer &peer);
  void handle(Peer &peer, Kind kind, int about, const std::string &text);
  void beatAndListen(double now);
  void sendAll(Kind kind, int about, const std::string &text,
               const Peer *but = nullptr);
  void lose(int about, const std::string &message, const Peer *from);

  int rank;
  std::vector<std::string> names;
  Options options;
  std::vector<Peer> peers;
  Wake wake;
  std::mutex mutex; // of what follows, and of sending
  std::string lost; // the message; empty: nobody
  std::string own;  // this rank's own failure
  double lostAt = 0, lastBeat = 0;
  bool finished = false, stopping = false;
  std::atomic<bool> isLost{false};
  std::thread thread;
};

} // namespace pgrt
