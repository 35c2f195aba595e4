#include "log_files/gunzip.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "gantry/error.hpp"

namespace gantry::log_files {

namespace {

/// "name=number" and what follows it.
template <class Number>
bool take_number(std::string_view& text, std::string_view name, Number& out) {
  if (!text.starts_with(name)) return false;
  text.remove_prefix(name.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc{};
}

struct Inflater {
  z_stream stream{};
  bool ready = ::inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK;
  Inflater() = default;
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() {
    if (ready) ::inflateEnd(&stream);
  }
};

UniqueFd open_to_read(const std::string& path) { return UniqueFd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)}; }

void write_whole(int fd, const unsigned char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t count = ::write(fd, bytes, size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error{Errc::io, std::string("cannot unpack a log: ") + std::strerror(errno)};
    bytes += count;
    size -= static_cast<std::size_t>(count);
  }
}

}  // namespace

UniqueFd gunzip(const std::string& path) {
  const UniqueFd packed = open_to_read(path);
  if (!packed) return {};
  const std::string folder = std::filesystem::path(path).parent_path();
  UniqueFd plain{::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (!plain) throw Error{Errc::io, "cannot unpack " + path + ": " + std::strerror(errno)};
  Inflater inflater;
  std::array<unsigned char, 65536> in{};
  std::array<unsigned char, 65536> out{};
  for (ssize_t got = 0; inflater.ready && (got = ::read(packed.get(), in.data(), in.size())) > 0;) {
    inflater.stream.next_in = in.data();
    inflater.stream.avail_in = static_cast<unsigned>(got);
    int status = Z_OK;
    while (status == Z_OK && (inflater.stream.avail_in > 0 || inflater.stream.avail_out == 0)) {
      inflater.stream.next_out = out.data();
      inflater.stream.avail_out = out.size();
      status = ::inflate(&inflater.stream, Z_NO_FLUSH);
      write_whole(plain.get(), out.data(), out.size() - inflater.stream.avail_out);
    }
    if (status != Z_OK && status != Z_BUF_ERROR) break;
  }
  ::lseek(plain.get(), 0, SEEK_SET);
  return plain;
}

std::optional<Identity> original_of(const std::string& path) {
  const UniqueFd packed = open_to_read(path);
  std::array<char, 96> head{};
  const ssize_t got = packed ? ::read(packed.get(), head.data(), head.size()) : 0;
  // RFC 1952: ten bytes, then, with flag 16 alone, the comment up to a zero byte.
  if (got < 10 || head[3] != 16) return std::nullopt;
  std::string_view comment{head.data() + 10, static_cast<std::size_t>(got) - 10};
  comment = comment.substr(0, comment.find('\0'));
  Identity out;
  if (!take_number(comment, "inode=", out.inode) || !take_number(comment, " mtime=", out.changed)) return std::nullopt;
  return out;
}

}  // namespace gantry::log_files
