#include "logger/compress.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::logger {

namespace {

constexpr std::size_t kBlock = 65536;

[[noreturn]] void fail(const std::string& what) { throw Error{Errc::io, what + ": " + std::strerror(errno)}; }

/// Removes the file unless it became what it was meant to be.
struct Draft {
  std::string path;
  bool kept{};
  ~Draft() {
    if (!kept) ::unlink(path.c_str());
  }
};

class Deflater {
 public:
  explicit Deflater(std::string comment) : comment_(std::move(comment)) {
    header_.comment = reinterpret_cast<Bytef*>(comment_.data());
    header_.os = 3;  // Unix
    const bool ready =
        ::deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    if (!ready || ::deflateSetHeader(&stream_, &header_) != Z_OK) throw Error{Errc::io, "zlib cannot begin"};
  }
  ~Deflater() { ::deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  void take(unsigned char* bytes, std::size_t size, bool last, int out) {
    stream_.next_in = bytes;
    stream_.avail_in = static_cast<unsigned>(size);
    do {
      stream_.next_out = buffer_.data();
      stream_.avail_out = kBlock;
      ::deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
      write_whole(out, kBlock - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

 private:
  void write_whole(int out, std::size_t size) {
    for (std::size_t done = 0; done < size;) {
      const ssize_t count = ::write(out, buffer_.data() + done, size - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail("cannot write a compressed log");
      done += static_cast<std::size_t>(count);
    }
  }

  std::string comment_;
  gz_header header_{};
  z_stream stream_{};
  std::array<unsigned char, kBlock> buffer_{};
};

}  // namespace

void compress(int file, const std::string& path) {
  struct stat facts {};
  if (::fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode)) fail("cannot read " + path);
  Draft draft{path + ".gz.draft"};
  const UniqueFd out(::open(draft.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!out) fail("cannot make " + draft.path);
  ::fchmod(out.get(), facts.st_mode & 07777);
  // An inode's number is given to another file one day: only with the time is it one file's.
  const std::int64_t changed = std::int64_t{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec;
  Deflater deflater{"inode=" + std::to_string(facts.st_ino) + " mtime=" + std::to_string(changed)};
  std::array<unsigned char, kBlock> block{};
  off_t at = 0;
  for (ssize_t got = -1; got != 0; at += got) {
    got = ::pread(file, block.data(), block.size(), at);
    if (got < 0) fail("cannot read " + path);
    deflater.take(block.data(), static_cast<std::size_t>(got), got == 0, out.get());
  }
  // Cleared meanwhile: what was forgotten does not come back. (Whoever clears takes the draft away, too.)
  if (::fstat(file, &facts) != 0 || facts.st_nlink == 0) return;
  // First the new name, then away with the old one: a reader finds one of them at any time.
  if (::rename(draft.path.c_str(), (path + ".gz").c_str()) != 0) fail("cannot rename " + draft.path);
  draft.kept = true;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail("cannot remove " + path);
}

}  // namespace gantry::logger
