// TCP connections between ranks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgrt {

/// One end of a connection, or a listener; closed when it goes.
class Socket {
public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor(descriptor) {}
  Socket(Socket &&other) noexcept
      : descriptor(std::exchange(other.descriptor, -1)) {}
  Socket &operator=(Socket &&other) noexcept {
    std::swap(descriptor, other.descriptor);
    return *this;
  }
  ~Socket();

  bool isOpen() const { return descriptor >= 0; }
  int get() const { return descriptor; }

  /// Sends all of it, or says that it cannot: the other end is gone, or does
  /// not read.
  bool send(std::string_view bytes) const;

private:
  int descriptor = -1;
};

/// A pipe to wake a thread that polls.
struct Wake {
  Wake();
  ~Wake();
  void raise() const;
  void clear() const;
  int readEnd = -1, writeEnd = -1;
};

/// The two ends of a connection within this process: for tests.
std::pair<Socket, Socket> socketPair();

/// Where rank 0 listens: what others need to connect.
struct Meeting {
  std::string host;
  std::vector<std::string> addresses; // numeric
  uint16_t port = 0;
  std::string secret; // what a connection must begin with

  std::string text() const;
  static Meeting parse(const std::string &text);
};

/// Listens on a port that the system chooses. Throws Error (Machine).
Socket listenForRanks(Meeting &meeting);

/// Rank 0: one connection for each other rank, at its index; waits for all of
/// them. Throws Error (Machine) after `seconds`.
std::vector<Socket> acceptRanks(const Socket &listener, const Meeting &meeting,
                                int size, double seconds);

/// Other ranks: the connection with rank 0. Tries its addresses in turn.
Socket connectToRoot(const Meeting &meeting, int rank, double seconds);

/// This machine's name.
std::string hostName();

} // namespace pgrt
