#include "tar/header.hpp"

#include <sys/sysmacros.h>

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
  char names[64];
  char major[8];
  char minor[8];
  char rest[167];
};
static_assert(sizeof(Header) == kBlock);

template <std::size_t Size>
void put_octal(char (&field)[Size], unsigned long long value) {
  // What is too large for the field stands in the extended header.
  std::snprintf(field, Size, "%0*llo", static_cast<int>(Size - 1), value & ((1ULL << (3 * (Size - 1))) - 1));
}

/// What stands in the fields; the default belongs to nobody but root.
struct Fields {
  char type{'0'};
  unsigned mode{};
  unsigned long long size{};
  long long mtime{};
  unsigned uid{};
  unsigned gid{};
  unsigned device_major{};
  unsigned device_minor{};
  std::string capability;
};

std::string ustar(const std::string& path, const Fields& fields, const std::string& target) {
  Header header{};
  path.copy(header.name, kNameSize);
  target.copy(header.link, kNameSize);
  put_octal(header.mode, fields.mode);
  put_octal(header.uid, fields.uid);
  put_octal(header.gid, fields.gid);
  put_octal(header.size, fields.size);
  put_octal(header.mtime, fields.mtime > 0 ? static_cast<unsigned long long>(fields.mtime) : 0);
  put_octal(header.major, fields.device_major);
  put_octal(header.minor, fields.device_minor);
  header.type = fields.type;
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

namespace {

std::string encode(const std::string& path, const Fields& fields, const std::string& target) {
  const std::string name = fields.type == '5' ? path + "/" : path;
  std::string extended;
  if (name.size() > kNameSize) extended += record("path", name);
  if (target.size() > kNameSize) extended += record("linkpath", target);
  if (fields.size >= 1ULL << 33) extended += record("size", std::to_string(fields.size));
  if (fields.uid >= 1U << 21) extended += record("uid", std::to_string(fields.uid));
  if (fields.gid >= 1U << 21) extended += record("gid", std::to_string(fields.gid));
  if (!fields.capability.empty()) extended += record("SCHILY.xattr.security.capability", fields.capability);
  std::string out;
  if (!extended.empty()) {
    Fields head;
    head.type = 'x';
    head.mode = 0644;
    head.size = extended.size();
    out = ustar("PaxHeaders/entry", head, "") + extended + tar_padding(extended.size());
  }
  return out + ustar(name, fields, target);
}

Fields fields_of(const struct stat& status) {
  Fields fields;
  if (S_ISDIR(status.st_mode)) fields.type = '5';
  if (S_ISLNK(status.st_mode)) fields.type = '2';
  if (S_ISCHR(status.st_mode)) fields.type = '3';
  if (S_ISBLK(status.st_mode)) fields.type = '4';
  if (S_ISFIFO(status.st_mode)) fields.type = '6';
  fields.mode = status.st_mode & 07777;
  fields.mtime = status.st_mtim.tv_sec;
  if (fields.type == '0') fields.size = static_cast<unsigned long long>(status.st_size);
  return fields;
}

}  // namespace

std::string tar_header(const std::string& path, const struct stat& status, const std::string& target) {
  return encode(path, fields_of(status), target);
}

std::string tar_header_of_owner(const std::string& path, const struct stat& status, const std::string& target,
                                bool hard_link, const std::string& capability) {
  Fields fields = fields_of(status);
  fields.uid = status.st_uid;
  fields.gid = status.st_gid;
  fields.capability = capability;
  if (fields.type == '3' || fields.type == '4') {
    fields.device_major = major(status.st_rdev);
    fields.device_minor = minor(status.st_rdev);
  }
  if (hard_link) {
    fields.type = '1';
    fields.size = 0;
  }
  return encode(path, fields, target);
}

}  // namespace gantry::cli
