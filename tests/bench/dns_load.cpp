// dns_load SECONDS WINDOW NAME...: asks 127.0.0.11 for the names' addresses in turn, so many at a time, and prints how
// many were answered in a second, how many were lost or wrong, and the median and the 99th percentile of the time that
// an answer took. Run it in a container's network namespace.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::uint8_t> query_for(const std::string& name) {
  std::vector<std::uint8_t> out{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(name.size())};
  out.insert(out.end(), name.begin(), name.end());
  out.insert(out.end(), {0, 0, 1, 0, 1});
  return out;
}

int connect_to_resolver() {
  const int client = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(53);
  ::inet_pton(AF_INET, "127.0.0.11", &server.sin_addr);
  if (::connect(client, reinterpret_cast<sockaddr*>(&server), sizeof server) != 0) std::exit(1);
  return client;
}

class Load {
 public:
  Load(std::size_t window, const std::vector<std::string>& names) : sent_(window) {
    for (const std::string& name : names) queries_.push_back(query_for(name));
  }

  void run(std::chrono::seconds time) {
    const auto begin = Clock::now();
    for (std::size_t slot = 0; slot < sent_.size(); ++slot) send(slot);
    while (Clock::now() - begin < time) receive();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    std::sort(took_.begin(), took_.end());
    if (took_.empty()) std::exit(1);
    std::printf("%.0f %zu %zu %.3f %.3f\n", static_cast<double>(took_.size()) / seconds, lost_, wrong_,
                took_[took_.size() / 2], took_[took_.size() * 99 / 100]);
  }

 private:
  // The id of a question is its place in the window.
  void send(std::size_t slot) {
    std::vector<std::uint8_t>& query = queries_[next_++ % queries_.size()];
    query[0] = static_cast<std::uint8_t>(slot >> 8);
    query[1] = static_cast<std::uint8_t>(slot & 0xff);
    sent_[slot] = Clock::now();
    static_cast<void>(::send(client_, query.data(), query.size(), 0));
  }

  void receive() {
    pollfd ready{client_, POLLIN, 0};
    if (::poll(&ready, 1, 200) != 1) {
      for (std::size_t slot = 0; slot < sent_.size(); ++slot, ++lost_) send(slot);
      return;
    }
    std::uint8_t answer[1500];
    const ssize_t size = ::recv(client_, answer, sizeof answer, MSG_DONTWAIT);
    if (size < 12) return;
    const std::size_t slot = std::size_t{answer[0]} << 8 | answer[1];
    if (slot >= sent_.size()) return;
    took_.push_back(std::chrono::duration<double, std::milli>(Clock::now() - sent_[slot]).count());
    if ((answer[3] & 0xf) != 0 || answer[7] != 1) ++wrong_;
    send(slot);
  }

  int client_ = connect_to_resolver();
  std::vector<std::vector<std::uint8_t>> queries_;
  std::vector<Clock::time_point> sent_;
  std::vector<double> took_;  // milliseconds
  std::size_t next_ = 0;
  std::size_t lost_ = 0;
  std::size_t wrong_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) return 2;
  Load load(std::strtoul(arguments[2], nullptr, 10), {arguments + 3, arguments + count});
  load.run(std::chrono::seconds{std::strtol(arguments[1], nullptr, 10)});
  return 0;
}
