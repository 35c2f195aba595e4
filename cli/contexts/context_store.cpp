#include "contexts/context_store.hpp"

#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "client/pending_file.hpp"
#include "command/failure.hpp"

namespace gantry::cli {

namespace {

namespace fs = std::filesystem;

std::string sha256_hex(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string out;
  for (unsigned at = 0; at < size; ++at) {
    constexpr const char* digits = "0123456789abcdef";
    out += {digits[digest[at] >> 4U], digits[digest[at] & 0xfU]};
  }
  return out;
}

void write_file(const std::string& path, const std::string& content) {
  PendingFile file(path);
  write_fully(file.fd(), content);
  file.commit();
}

void make_folders(const std::string& path, mode_t mode) {
  std::error_code failed;
  fs::create_directories(fs::path(path).parent_path(), failed);
  if (::mkdir(path.c_str(), mode) != 0 && !fs::is_directory(path, failed)) throw_open_failure(path);
}

std::string member_text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

void set_text(Json& object, const char* key, const std::string& text) {
  if (text.empty()) {
    object.erase(key);
  } else {
    object[key] = text;
  }
}

Json& object_member(Json& object, const char* key) {
  Json& member = object[key];
  if (!member.is_object()) member = Json::object();
  return member;
}

}  // namespace

bool natural_less(const std::string& a, const std::string& b) {
  const auto digit = [](const std::string& text, std::size_t at) {
    return at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0;
  };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a, i) && digit(b, j)) {
      const std::size_t first = i;
      const std::size_t second = j;
      while (digit(a, i)) ++i;
      while (digit(b, j)) ++j;
      const auto number = [](std::string text) { return text.erase(0, text.find_first_not_of('0')); };
      const std::string x = number(a.substr(first, i - first));
      const std::string y = number(b.substr(second, j - second));
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

void check_context_name(const std::string& name) {
  if (name.empty()) throw Failure("context name cannot be empty");
  if (name == kDefaultContext) throw Failure("\"default\" is a reserved context name");
  const auto word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  const bool valid = name.size() > 1 && word(name[0]) && std::all_of(name.begin() + 1, name.end(), [&](char c) {
                       return word(c) || std::string_view("_.+-").find(c) != std::string_view::npos;
                     });
  if (valid) return;
  throw Failure("context name \"" + name +
                R"(" is invalid, names are validated against regexp "^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$")");
}

std::string to_meta(const StoredContext& context) {
  Json meta = context.meta.empty() ? Json::object() : Json::parse(context.meta);
  meta["Name"] = context.name;
  set_text(object_member(meta, "Metadata"), "Description", context.description);
  Json& endpoint = object_member(object_member(meta, "Endpoints"), "docker");
  set_text(endpoint, "Host", context.host);
  endpoint["SkipTLSVerify"] = context.skip_tls_verify;
  return meta.dump();
}

StoredContext from_meta(const std::string& text) {
  const Json meta = Json::parse(text, nullptr, false);
  if (!meta.is_object()) throw Failure("invalid context: meta.json is not a JSON object");
  StoredContext context;
  context.meta = text;
  context.name = member_text(meta, "Name");
  if (meta.contains("Metadata")) context.description = member_text(meta["Metadata"], "Description");
  if (meta.contains("Endpoints") && meta["Endpoints"].contains("docker")) {
    const Json& endpoint = meta["Endpoints"]["docker"];
    context.host = member_text(endpoint, "Host");
    const auto skip = endpoint.find("SkipTLSVerify");
    context.skip_tls_verify = skip != endpoint.end() && skip->is_boolean() && skip->get<bool>();
  }
  return context;
}

std::string ContextStore::meta_folder(const std::string& name) const { return root_ + "/meta/" + sha256_hex(name); }
std::string ContextStore::tls_folder(const std::string& name) const { return root_ + "/tls/" + sha256_hex(name); }

bool ContextStore::exists(const std::string& name) const {
  return ::access((meta_folder(name) + "/meta.json").c_str(), F_OK) == 0;
}

StoredContext ContextStore::load(const std::string& name) const {
  if (name != kDefaultContext) check_context_name(name);
  const std::string path = meta_folder(name) + "/meta.json";
  if (::access(path.c_str(), R_OK) != 0) {
    throw Failure("context \"" + name + "\": context not found: open " + path + ": no such file or directory");
  }
  StoredContext context = from_meta(whole_file(path));
  context.name = name;
  for (const char* file : {"ca.pem", "cert.pem", "key.pem"}) {
    if (::access((tls_folder(name) + "/docker/" + file).c_str(), F_OK) == 0) context.tls[file];
  }
  return context;
}

StoredContext ContextStore::load_whole(const std::string& name) const {
  StoredContext context = load(name);
  for (auto& [file, content] : context.tls) content = whole_file(tls_folder(name) + "/docker/" + file);
  return context;
}

std::vector<StoredContext> ContextStore::all() const {
  std::vector<StoredContext> found;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator{root_ + "/meta", failed}) {
    const std::string path = entry.path().string() + "/meta.json";
    if (::access(path.c_str(), R_OK) == 0) found.push_back(from_meta(whole_file(path)));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return natural_less(a.name, b.name); });
  return found;
}

// The keys come first: a context is never there without them.
void ContextStore::save(const StoredContext& context) const {
  std::error_code failed;
  const std::string tls = tls_folder(context.name);
  fs::remove_all(tls, failed);
  if (!context.tls.empty()) {
    make_folders(tls, 0700);
    make_folders(tls + "/docker", 0700);
    for (const auto& [file, content] : context.tls) write_file(tls + "/docker/" + file, content);
  }
  make_folders(meta_folder(context.name), 0755);
  write_file(meta_folder(context.name) + "/meta.json", to_meta(context));
}

void ContextStore::remove(const std::string& name) const {
  std::error_code failed;
  fs::remove_all(meta_folder(name), failed);
  fs::remove_all(tls_folder(name), failed);
}

}  // namespace gantry::cli
