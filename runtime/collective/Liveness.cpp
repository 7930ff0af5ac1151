#include "runtime/collective/Liveness.h"
#include "runtime/collective/LostRank.h"
#include "runtime/support/Interrupt.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pgrt {

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

static void endProcess() { _exit(int(ExitCode::Machine)); }
static void printError(const std::string &message) {
  std::fprintf(stderr, "pgrt: error: %s\n", message.c_str());
}

namespace {
/// Before the text of a message.
struct Header {
  uint8_t kind;
  int32_t about; // Failure: the rank
  uint32_t bytes;
};
constexpr uint32_t longestText = 1 << 16;
} // namespace

Liveness::Liveness(int rank, std::vector<std::string> names,
                   std::vector<Socket> connections, Options given)
    : rank(rank), names(std::move(names)), options(std::move(given)) {
  if (!options.end)
    options.end = endProcess;
  if (!options.print)
    options.print = printError;
  for (size_t i = 0; i < connections.size(); ++i)
    if (connections[i].isOpen())
      peers.push_back({int(i), std::move(connections[i]), "", now(), false});
  thread = std::thread([this] { loop(); });
}

Liveness::~Liveness() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stopping = true;
  }
  wake.raise();
  thread.join();
}

void Liveness::throwIfLost() {
  if (!isLost.load(std::memory_order_acquire))
    return;
  std::lock_guard<std::mutex> lock(mutex);
  throw LostRank(lost);
}

void Liveness::askToStop() {
  std::lock_guard<std::mutex> lock(mutex);
  sendAll(Kind::Stop, rank, "");
}

bool Liveness::fail(const std::string &message) noexcept {
  constexpr int patience = 20; // times 10 ms
  try {
    std::unique_lock<std::mutex> lock(mutex);
    own = message.substr(0, longestText);
    sendAll(Kind::Failure, rank, " ended with an error: " + own);
    // Often all ranks fail for the same reason: rank 0 is the one to tell it.
    for (int i = 0; i < patience && rank != 0 && lost.empty(); ++i) {
      lock.unlock();
      usleep(10000);
      lock.lock();
    }
    return !lost.ends_with(": " + own);
  } catch (...) {
    return true;
  }
}

void Liveness::finish() {
  std::lock_guard<std::mutex> lock(mutex);
  finished = true;
  sendAll(Kind::Done, rank, "");
}

void Liveness::sendAll(Kind kind, int about, const std::string &text,
                       const Peer *but) {
  Header header = {uint8_t(kind), about, uint32_t(text.size())};
  std::string bytes(reinterpret_cast<const char *>(&header), sizeof header);
  bytes += text;
  // Who cannot be told is found out by the loop.
  for (const Peer &peer : peers)
    if (&peer != but && !peer.done)
      peer.socket.send(bytes);
}

// The first loss is the one that is told.
void Liveness::lose(int about, const std::string &message, const Peer *from) {
  if (finished || !lost.empty())
    return;
  lost = cat(names[size_t(about)], message);
  lostAt = now();
  if (own.empty())
    options.print(lost);
  isLost.store(true, std::memory_order_release);
}

void Liveness::handle(Peer &peer, Kind kind, int about,
                      const std::string &text) {
  if (about < 0 || about >= int(names.size()))
    return;
  switch (kind) {
  case Kind::Beat:
    break;
  case Kind::Stop:
    setInterrupted(true);
    break;
  case Kind::Failure:
    lose(about, text, &peer);
    break;
  case Kind::Done:
    peer.done = true;
    return;
  }
  if (rank == 0 && kind != Kind::Beat)
    sendAll(kind, about, text, &peer);
}

void Liveness::readFrom(Peer &peer) {
  char buffer[4096];
  ssize_t count = recv(peer.socket.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (count <= 0) {
    if (!peer.done) {
      const std::string message = " is lost: its process ended without a word";
      lose(peer.rank, message, &peer);
      if (rank == 0 && !finished)
        sendAll(Kind::Failure, peer.rank, message, &peer);
    }
    peer.done = true;
    return;
  }
  peer.heard = now();
  peer.unread.append(buffer, size_t(count));
  Header header;
  while (peer.unread.size() >= sizeof header) {
    std::memcpy(&header, peer.unread.data(), sizeof header);
    if (header.bytes > 2 * longestText ||
        peer.unread.size() < sizeof header + header.bytes)
      break;
    std::string text = peer.unread.substr(sizeof header, header.bytes);
    peer.unread.erase(0, sizeof header + header.bytes);
    handle(peer, Kind(header.kind), header.about, text);
  }
}

void Liveness::beatAndListen(double time) {
  // A process that was stopped for a while has heard nothing meanwhile.
  if (time - lastBeat > 3 * options.beat)
    for (Peer &peer : peers)
      peer.heard = time;
  lastBeat = time;
  sendAll(Kind::Beat, rank, "");
  for (Peer &peer : peers)
    if (!peer.done && time - peer.heard > options.silence) {
      const std::string message = cat(" is lost: nothing was heard of it for ",
                                      readableSeconds(options.silence));
      peer.done = true;
      lose(peer.rank, message, &peer);
      if (rank == 0 && !finished)
        sendAll(Kind::Failure, peer.rank, message, &peer);
    }
}

void Liveness::loop() {
  std::unique_lock<std::mutex> lock(mutex);
  lastBeat = now();
  while (!stopping) {
    std::vector<pollfd> waiting = {{wake.readEnd, POLLIN, 0}};
    std::vector<Peer *> whose;
    for (Peer &peer : peers)
      if (!peer.done) {
        waiting.push_back({peer.socket.get(), POLLIN, 0});
        whose.push_back(&peer);
      }
    double wait = lastBeat + options.beat - now();
    if (!lost.empty())
      wait = std::min(wait, lostAt + options.grace - now());
    lock.unlock();
    poll(waiting.data(), waiting.size(), std::max(0, int(wait * 1000) + 1));
    lock.lock();
    wake.clear();
    for (size_t i = 0; i < whose.size(); ++i)
      if (waiting[i + 1].revents)
        readFrom(*whose[i]);
    if (double time = now(); time - lastBeat >= options.beat)
      beatAndListen(time);
    if (!lost.empty() && !finished && now() - lostAt >= options.grace) {
      options.end();
      lostAt = 1e300; // a test goes on
    }
  }
}

} // namespace pgrt
