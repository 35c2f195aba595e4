#include "logger/pump.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include "base/log_settings.hpp"

namespace gantry::logger {

namespace {

constexpr std::size_t kReadBlock = 65536;
constexpr std::uint32_t kLongest = 16U << 20U;

/// Messages with their lengths before them.
class Input {
 public:
  explicit Input(int fd) : fd_(fd) {}

  /// Valid until the next call. Nothing at the end; what was cut off there is left out.
  std::optional<std::string_view> next() {
    while (!whole()) {
      if (!read_more()) return std::nullopt;
    }
    const std::uint32_t length = log::v1::record::get_length(rest());
    const std::string_view message = rest().substr(4, length);
    taken_ += 4 + std::size_t{length};
    return message;
  }

 private:
  [[nodiscard]] std::string_view rest() const { return std::string_view(pending_).substr(taken_); }

  [[nodiscard]] bool whole() const {
    if (rest().size() < 4) return false;
    const std::uint32_t length = log::v1::record::get_length(rest());
    if (length > kLongest) throw Error{Errc::invalid, "a record of " + std::to_string(length) + " bytes"};
    return rest().size() >= 4 + std::size_t{length};
  }

  bool read_more() {
    pending_.erase(0, std::exchange(taken_, 0));
    std::array<char, kReadBlock> block;
    ssize_t got = -1;
    do {
      got = ::read(fd_, block.data(), block.size());
    } while (got < 0 && errno == EINTR);
    if (got > 0) pending_.append(block.data(), static_cast<std::size_t>(got));
    return got > 0;
  }

  int fd_;
  std::string pending_;
  std::size_t taken_ = 0;
};

}  // namespace

void pump(int input, log::v1::Writer& writer, const std::function<void(const std::string&)>& complain) {
  Input messages{input};
  const auto head = messages.next();
  if (!head) throw Error{Errc::invalid, "no settings"};
  writer.open(decode_log_settings(*head));
  while (const auto message = messages.next()) {
    log::v1::Entry entry;
    if (!log::v1::parse_record(*message, entry)) throw Error{Errc::invalid, "a record that is none"};
    try {
      writer.write(entry);
    } catch (const std::exception& error) {
      complain(error.what());
    }
  }
  writer.close();
}

}  // namespace gantry::logger
