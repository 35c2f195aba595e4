#include "build/tar_header.hpp"

#include <cstdio>
#include <cstring>

namespace gantry::cli {

namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kNameSize = 100;

/// As ustar has it (pax(1), "ustar Interchange Format").
struct Header {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[8];
  char rest[247];
};
static_assert(sizeof(Header) == kBlock);

template <std::size_t Size>
void put_octal(char (&field)[Size], unsigned long long value) {
  // What is too large for the field stands in the extended header.
  std::snprintf(field, Size, "%0*llo", static_cast<int>(Size - 1), value & ((1ULL << (3 * (Size - 1))) - 1));
}

std::string ustar(const std::string& path, char type, unsigned mode, unsigned long long size, long long mtime,
                  const std::string& target) {
  Header header{};
  path.copy(header.name, kNameSize);
  target.copy(header.link, kNameSize);
  put_octal(header.mode, mode);
  put_octal(header.uid, 0);
  put_octal(header.gid, 0);
  put_octal(header.size, size);
  put_octal(header.mtime, mtime > 0 ? static_cast<unsigned long long>(mtime) : 0);
  header.type = type;
  std::memcpy(header.magic,
              "ustar\0"
              "00",
              sizeof header.magic);
  std::memset(header.checksum, ' ', sizeof header.checksum);
  unsigned sum = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
  for (std::size_t at = 0; at < kBlock; ++at) sum += bytes[at];
  std::snprintf(header.checksum, sizeof header.checksum, "%06o", sum);
  return {reinterpret_cast<const char*>(&header), kBlock};
}

/// "<length> <key>=<value>\n", the length counting itself.
std::string record(const std::string& key, const std::string& value) {
  const std::string body = " " + key + "=" + value + "\n";
  std::size_t size = body.size() + 1;
  while (std::to_string(size).size() + body.size() != size) size = std::to_string(size).size() + body.size();
  return std::to_string(size) + body;
}

}  // namespace

std::string tar_padding(std::size_t size) { return std::string((kBlock - size % kBlock) % kBlock, '\0'); }

std::string tar_end() { return std::string(2 * kBlock, '\0'); }

std::string tar_header(const std::string& path, const struct stat& status, const std::string& target) {
  char type = '0';
  if (S_ISDIR(status.st_mode)) type = '5';
  if (S_ISLNK(status.st_mode)) type = '2';
  if (S_ISFIFO(status.st_mode)) type = '6';
  const std::string name = type == '5' ? path + "/" : path;
  const auto size = type == '0' ? static_cast<unsigned long long>(status.st_size) : 0;
  std::string extended;
  if (name.size() > kNameSize) extended += record("path", name);
  if (target.size() > kNameSize) extended += record("linkpath", target);
  if (size >= 1ULL << 33) extended += record("size", std::to_string(size));
  std::string out;
  if (!extended.empty()) {
    out = ustar("PaxHeaders/entry", 'x', 0644, extended.size(), 0, "") + extended + tar_padding(extended.size());
  }
  return out + ustar(name, type, status.st_mode & 07777, size, status.st_mtim.tv_sec, target);
}

}  // namespace gantry::cli
