#include "layout.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "gantry/error.hpp"

namespace oci_layout {

using gantry::Errc;
using gantry::Error;
using gantry::UniqueFd;
using gantry::registry::v1::Descriptor;
using gantry::registry::v1::Manifest;
using nlohmann::json;

namespace {

constexpr std::size_t kMaxDocument = std::size_t{4} << 20;
constexpr std::size_t kChunk = std::size_t{256} << 10;
constexpr const char* kRefName = "org.opencontainers.image.ref.name";

[[noreturn]] void fail(const std::string& what) {
  throw Error{errno == ENOSPC || errno == EDQUOT ? Errc::exhausted : Errc::io, what + ": " + std::strerror(errno)};
}

// Not by a callback of the parser's, which at the end of each object looks through all that stand beside it.
bool is_shallow(std::string_view content) {
  constexpr int kMaxDepth = 64;
  int depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < content.size() && depth <= kMaxDepth; ++at) {
    const char c = content[at];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\') ++at;
    if (quoted) continue;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
  }
  return depth <= kMaxDepth;
}

// Shallow: what is done with a document recurses. Discarded if it is none.
json parse_document(const std::string& content) {
  return is_shallow(content) ? json::parse(content, nullptr, false) : json(json::value_t::discarded);
}

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::string ref_name(const json& entry) {
  const auto annotations = entry.find("annotations");
  return annotations != entry.end() && annotations->is_object() ? text_of(*annotations, kRefName) : std::string{};
}

/// "docker.io/library/web:1" is tagged "1".
std::string tag_of(const std::string& name) {
  const std::size_t colon = name.rfind(':');
  return colon == std::string::npos || name.find('/', colon) != std::string::npos ? name : name.substr(colon + 1);
}

/// Not a link, a pipe or a device: whoever filled the directory does not choose what is read.
UniqueFd open_file(const std::string& path) {
  UniqueFd fd{::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  struct stat facts {};
  if (fd && (::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode))) {
    fd.reset();
    errno = ENOENT;
  }
  return fd;
}

void write_all(int fd, const char* data, std::size_t size, const std::string& path) {
  for (std::size_t at = 0; at < size;) {
    const ssize_t count = ::write(fd, data + at, size - at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("write " + path);
    at += static_cast<std::size_t>(count);
  }
}

/// A file that takes its place when it is whole, and else leaves nothing.
class NewFile {
 public:
  explicit NewFile(std::string path) : path_(std::move(path)), temporary_(path_ + ".XXXXXX") {
    fd_.reset(::mkostemp(temporary_.data(), O_CLOEXEC));
    if (!fd_) fail("make " + path_);
  }
  ~NewFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(const char* data, std::size_t size) { write_all(fd_.get(), data, size, path_); }
  void commit() {
    if (::fchmod(fd_.get(), 0644) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) fail("write " + path_);
    temporary_.clear();
  }

 private:
  std::string path_;
  std::string temporary_;
  UniqueFd fd_;
};

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void update(const void* data, std::size_t size) { EVP_DigestUpdate(context_.get(), data, size); }
  std::string digest() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), bytes.data(), &size);
    std::string text = "sha256:";
    for (unsigned at = 0; at < size; ++at) {
      text += "0123456789abcdef"[bytes[at] >> 4];
      text += "0123456789abcdef"[bytes[at] & 15];
    }
    return text;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace

Layout::Layout(std::string path) : path_(std::move(path)) {
  if (!path_.starts_with('/')) throw Error{Errc::invalid, "oci:" + path_ + ": an absolute path is needed"};
}

std::string Layout::read(const std::string& name) const {
  const std::string path = path_ + "/" + name;
  const UniqueFd fd = open_file(path);
  if (!fd && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
    throw Error{Errc::not_found, path_ + " is not an OCI image layout: it has no file " + name};
  }
  if (!fd) fail("open " + path);
  std::string content(kMaxDocument + 1, '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t count = ::read(fd.get(), content.data() + size, content.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("read " + path);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > kMaxDocument) throw Error{Errc::invalid, path + " is larger than 4 MiB"};
  content.resize(size);
  return content;
}

json Layout::index() const {
  const json version = parse_document(read("oci-layout"));
  if (!version.is_object() || text_of(version, "imageLayoutVersion") != "1.0.0") {
    throw Error{Errc::invalid, path_ + "/oci-layout does not say imageLayoutVersion 1.0.0"};
  }
  json index = parse_document(read("index.json"));
  if (!index.is_object() || !index.contains("manifests") || !index["manifests"].is_array()) {
    throw Error{Errc::invalid, path_ + "/index.json is no OCI image index"};
  }
  std::erase_if(index["manifests"].get_ref<json::array_t&>(), [](const json& entry) { return !entry.is_object(); });
  return index;
}

json Layout::find(const std::string& reference) const {
  const json known = index();
  const json& manifests = known["manifests"];
  if (reference.empty() && manifests.size() == 1) return manifests.front();
  std::string tags;
  const json* same_tag = nullptr;
  for (const json& entry : manifests) {
    const std::string name = ref_name(entry);
    if (!reference.empty() && name == reference) return entry;
    if (same_tag == nullptr && tag_of(name) == reference) same_tag = &entry;
    if (!name.empty()) tags += (tags.empty() ? "" : ", ") + tag_of(name);
  }
  if (!reference.empty() && same_tag != nullptr) return *same_tag;
  if (reference.empty()) {
    throw Error{Errc::not_found, "oci:" + path_ + " holds " + std::to_string(manifests.size()) +
                                     " images: say which by its tag; there are: " + tags};
  }
  throw Error{Errc::not_found,
              "manifest for oci:" + path_ + ":" + reference + " not found: manifest unknown: manifest unknown"};
}

void Layout::get_manifest(const std::string& reference, Manifest& out) const {
  if (reference.starts_with("sha256:")) {
    out.digest = reference;
  } else {
    const json entry = find(reference);
    out.digest = text_of(entry, "digest");
    out.media_type = text_of(entry, "mediaType");
  }
  out.content = read(blob_path(out.digest));
  const json content = parse_document(out.content);
  if (content.is_object() && content.contains("mediaType")) out.media_type = text_of(content, "mediaType");
  if (!out.media_type.empty() || !content.is_object()) return;
  const char* const kind = content.contains("manifests") ? "index" : "manifest";
  out.media_type = std::string{"application/vnd.oci.image."} + kind + ".v1+json";
}

std::vector<std::string> Layout::tags() const {
  std::vector<std::string> tags;
  const json known = index();
  for (const json& entry : known["manifests"]) {
    if (const std::string name = ref_name(entry); !name.empty()) tags.push_back(tag_of(name));
  }
  return tags;
}

std::string Layout::blob_path(const std::string& digest) const {
  const std::string hex = digest.starts_with("sha256:") ? digest.substr(7) : "";
  const bool valid = hex.size() == 64 &&
                     std::ranges::all_of(hex, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (!valid) throw Error{Errc::invalid, path_ + ": \"" + digest + "\" is no sha256 digest"};
  return "blobs/sha256/" + hex;
}

UniqueFd Layout::open_blob(const std::string& digest, std::uint64_t size) const {
  UniqueFd fd = open_file(path_ + "/" + blob_path(digest));
  struct stat facts {};
  if (fd && (::fstat(fd.get(), &facts) != 0 || static_cast<std::uint64_t>(facts.st_size) != size)) fd.reset();
  return fd;
}

void Layout::make() const {
  std::error_code failed;
  std::filesystem::create_directories(path_ + "/blobs/sha256", failed);
  if (failed) throw Error{Errc::io, "make " + path_ + "/blobs/sha256: " + failed.message()};
  for (const char* name : {"/blobs", "/blobs/sha256"}) {
    if (!std::filesystem::is_symlink(path_ + name)) continue;
    throw Error{Errc::invalid, path_ + name + " is a link: blobs are written into the layout only"};
  }
}

void Layout::write(const std::string& name, const std::string& content) const {
  NewFile file{path_ + "/" + name};
  file.write(content.data(), content.size());
  file.commit();
}

void Layout::put_blob(const Descriptor& blob, gantry::ByteSource& source, const gantry::Call& call) {
  make();
  NewFile file{path_ + "/" + blob_path(blob.digest)};
  Sha256 hash;
  std::vector<std::byte> buffer(kChunk);
  while (const std::size_t size = source.read(buffer)) {
    call.check();
    hash.update(buffer.data(), size);
    file.write(reinterpret_cast<const char*>(buffer.data()), size);
  }
  if (hash.digest() != blob.digest)
    throw Error{Errc::invalid, "what was sent as " + blob.digest + " is " + hash.digest()};
  file.commit();
}

void Layout::put_manifest(const std::string& reference, const Manifest& manifest) {
  make();
  const UniqueFd directory{::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory || ::flock(directory.get(), LOCK_EX) != 0) fail("lock " + path_);
  write(blob_path(manifest.digest), manifest.content);
  // A layout that is killed on its way into being has no index, or no version: the next push makes up for it.
  const auto is_there = [this](const char* name) { return ::access((path_ + "/" + name).c_str(), F_OK) == 0; };
  if (!is_there("index.json")) write("index.json", R"({"schemaVersion":2,"manifests":[]})");
  if (!is_there("oci-layout")) write("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  if (reference.starts_with("sha256:")) return;
  json known = index();
  json::array_t& entries = known["manifests"].get_ref<json::array_t&>();
  std::erase_if(entries, [&](const json& entry) { return ref_name(entry) == reference; });
  entries.push_back({{"mediaType", manifest.media_type},
                     {"digest", manifest.digest},
                     {"size", manifest.content.size()},
                     {"annotations", {{kRefName, reference}}}});
  write("index.json", known.dump());
}

}  // namespace oci_layout
