#include "runtime/collective/Socket.h"
#include "runtime/support/Error.h"

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <unistd.h>

namespace pgrt {

using Clock = std::chrono::steady_clock;

static int millisecondsUntil(Clock::time_point deadline) {
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - Clock::now());
  return int(std::max<int64_t>(0, left.count()));
}

static Clock::time_point after(double seconds) {
  return Clock::now() + std::chrono::milliseconds(int64_t(seconds * 1000));
}

Socket::~Socket() {
  if (descriptor >= 0)
    close(descriptor);
}

bool Socket::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    ssize_t sent = ::send(descriptor, bytes.data(), bytes.size(),
                          MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0)
      return false;
    bytes.remove_prefix(size_t(sent));
  }
  return true;
}

Wake::Wake() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    failMachine("cannot make a pipe: ", strerror(errno));
  readEnd = ends[0];
  writeEnd = ends[1];
}
Wake::~Wake() {
  close(readEnd);
  close(writeEnd);
}
void Wake::raise() const {
  // A full pipe wakes as well.
  [[maybe_unused]] ssize_t written = write(writeEnd, "w", 1);
}
void Wake::clear() const {
  char bytes[64];
  while (read(readEnd, bytes, sizeof bytes) > 0)
    ;
}

std::pair<Socket, Socket> socketPair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    failMachine("cannot make a pair of sockets: ", strerror(errno));
  return {Socket(ends[0]), Socket(ends[1])};
}

std::string hostName() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

std::string Meeting::text() const {
  std::string text = cat(host, "\n", port, "\n", secret);
  for (const std::string &address : addresses)
    text += "\n" + address;
  return text;
}

Meeting Meeting::parse(const std::string &text) {
  std::vector<std::string> lines = split(text, '\n');
  Meeting meeting;
  int64_t port = 0;
  if (lines.size() < 3 || !parseInteger(lines[1], port))
    failMachine("rank 0 does not say where it listens");
  meeting.host = lines[0];
  meeting.port = uint16_t(port);
  meeting.secret = lines[2];
  meeting.addresses.assign(lines.begin() + 3, lines.end());
  return meeting;
}

// IPv4 addresses of the interfaces that are up, the loopback last: on one
// machine all of them lead to rank 0.
static std::vector<std::string> ownAddresses() {
  std::vector<std::string> addresses;
  ifaddrs *first = nullptr;
  if (getifaddrs(&first) == 0) {
    for (ifaddrs *i = first; i; i = i->ifa_next) {
      if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
          !(i->ifa_flags & IFF_UP) || (i->ifa_flags & IFF_LOOPBACK))
        continue;
      char text[INET_ADDRSTRLEN];
      auto *address = reinterpret_cast<sockaddr_in *>(i->ifa_addr);
      if (inet_ntop(AF_INET, &address->sin_addr, text, sizeof text))
        addresses.emplace_back(text);
    }
    freeifaddrs(first);
  }
  addresses.emplace_back("127.0.0.1");
  return addresses;
}

static std::string drawSecret() {
  std::random_device device;
  return formatted("%08x%08x%08x%08x", device(), device(), device(), device());
}

Socket listenForRanks(Meeting &meeting) {
  Socket listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  socklen_t size = sizeof address;
  if (!listener.isOpen() ||
      bind(listener.get(), reinterpret_cast<sockaddr *>(&address), size) != 0 ||
      listen(listener.get(), 1024) != 0 ||
      getsockname(listener.get(), reinterpret_cast<sockaddr *>(&address),
                  &size) != 0)
    failMachine("cannot listen for the other ranks: ", strerror(errno));
  meeting.host = hostName();
  meeting.addresses = ownAddresses();
  meeting.port = ntohs(address.sin_port);
  meeting.secret = drawSecret();
  return listener;
}

// Reads so many bytes, or fewer if they do not come in time.
static std::string readExactly(const Socket &socket, size_t bytes,
                               Clock::time_point deadline) {
  std::string text;
  while (text.size() < bytes) {
    pollfd waiting = {socket.get(), POLLIN, 0};
    int ready = poll(&waiting, 1, millisecondsUntil(deadline));
    if (ready < 0 && errno == EINTR)
      continue;
    char buffer[256];
    ssize_t count = ready > 0
                        ? recv(socket.get(), buffer,
                               std::min(sizeof buffer, bytes - text.size()), 0)
                        : 0;
    if (count <= 0)
      break;
    text.append(buffer, size_t(count));
  }
  return text;
}

// What a connection begins with: the secret and the rank.
static std::string greeting(const Meeting &meeting, int rank) {
  return meeting.secret + formatted("%08d", rank);
}

static void sendAtOnce(const Socket &socket) {
  int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

std::vector<Socket> acceptRanks(const Socket &listener, const Meeting &meeting,
                                int size, double seconds) {
  std::vector<Socket> connections(static_cast<size_t>(size));
  Clock::time_point deadline = after(seconds);
  for (int missing = size - 1; missing > 0;) {
    pollfd waiting = {listener.get(), POLLIN, 0};
    int ready = poll(&waiting, 1, millisecondsUntil(deadline));
    if (ready < 0 && errno == EINTR)
      continue;
    if (ready <= 0)
      failMachine(missing, " of ", size - 1,
                  " ranks have not connected with rank 0 in ",
                  readableSeconds(seconds));
    Socket socket(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.isOpen())
      continue;
    // Strangers who knock are sent away.
    std::string hello =
        readExactly(socket, greeting(meeting, 0).size(),
                    std::min<Clock::time_point>(deadline, after(2)));
    for (int rank = 1; rank < size; ++rank)
      if (hello == greeting(meeting, rank) &&
          !connections[size_t(rank)].isOpen()) {
        sendAtOnce(socket);
        connections[size_t(rank)] = std::move(socket);
        --missing;
        break;
      }
  }
  return connections;
}

static Socket tryConnect(const std::string &text, uint16_t port,
                         double seconds) {
  Socket socket(
      ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (!socket.isOpen() ||
      inet_pton(AF_INET, text.c_str(), &address.sin_addr) != 1)
    return {};
  if (connect(socket.get(), reinterpret_cast<sockaddr *>(&address),
              sizeof address) != 0 &&
      errno != EINPROGRESS)
    return {};
  pollfd waiting = {socket.get(), POLLOUT, 0};
  int error = 0;
  socklen_t size = sizeof error;
  if (poll(&waiting, 1, int(seconds * 1000)) != 1 ||
      getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 ||
      error != 0)
    return {};
  fcntl(socket.get(), F_SETFL, fcntl(socket.get(), F_GETFL) & ~O_NONBLOCK);
  sendAtOnce(socket);
  return socket;
}

Socket connectToRoot(const Meeting &meeting, int rank, double seconds) {
  std::vector<std::string> addresses = meeting.addresses;
  if (meeting.host == hostName())
    addresses.insert(addresses.begin(), "127.0.0.1");
  for (const std::string &address : addresses) {
    Socket socket =
        tryConnect(address, meeting.port, seconds / double(addresses.size()));
    if (socket.isOpen() && socket.send(greeting(meeting, rank)))
      return socket;
  }
  failMachine("rank ", rank, " cannot connect with rank 0 on ", meeting.host,
              ", port ", meeting.port);
}

} // namespace pgrt
