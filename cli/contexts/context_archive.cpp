#include "contexts/context_archive.hpp"

#include <sys/stat.h>

#include <array>
#include <ctime>

#include "command/failure.hpp"
#include "copy/host_path.hpp"
#include "parse/text.hpp"
#include "tar/header.hpp"
#include "tar/reader.hpp"

namespace gantry::cli {

namespace {

constexpr const char* kTlsFolder = "tls/docker/";

std::string packed(const std::string& path, const std::string& content, mode_t mode) {
  struct stat status {};
  status.st_mode = mode;
  status.st_size = static_cast<off_t>(content.size());
  status.st_mtim.tv_sec = std::time(nullptr);
  return tar_header(path, status, "") + content + tar_padding(content.size());
}

std::string content_of(TarReader& reader, const TarMember& member) {
  constexpr std::uint64_t kLargest = 10U << 20U;
  if (member.size > kLargest) throw Failure("invalid context: " + member.name + " is too large");
  std::string content;
  std::array<char, 4096> buffer;
  while (const std::size_t size = reader.read(buffer)) content.append(buffer.data(), size);
  return content;
}

}  // namespace

std::string pack_context(const StoredContext& context) {
  std::string out = packed("meta.json", to_meta(context), S_IFREG | 0644);
  if (!context.tls.empty()) {
    out += packed("tls", "", S_IFDIR | 0700) + packed("tls/docker", "", S_IFDIR | 0700);
    for (const auto& [file, content] : context.tls) out += packed(kTlsFolder + file, content, S_IFREG | 0600);
  }
  return out + tar_end();
}

StoredContext unpack_context(const std::function<std::size_t(std::span<char>)>& source) {
  TarReader reader(source);
  TarMember member;
  StoredContext context;
  std::map<std::string, std::string> tls;
  bool has_meta = false;
  while (reader.next(member)) {
    if (member.type == '5') continue;
    const std::string path = clean_path(member.name);
    if (path == "meta.json") {
      context = from_meta(content_of(reader, member));
      has_meta = true;
    } else if (path == "tls/docker/ca.pem" || path == "tls/docker/cert.pem" || path == "tls/docker/key.pem") {
      tls[path.substr(std::string_view(kTlsFolder).size())] = content_of(reader, member);
    } else if (member.type != '0' || !starts_with(path, "tls/")) {
      throw Failure("\"" + member.name + "\": unexpected context file");
    }
  }
  if (!has_meta) throw Failure("invalid context: no metadata found");
  context.tls = std::move(tls);
  return context;
}

}  // namespace gantry::cli
