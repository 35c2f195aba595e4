#include "tls_trust.hpp"

#include <openssl/err.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include "gantry/error.hpp"

namespace hub {
namespace {

using gantry::Errc;
using gantry::Error;

std::vector<std::filesystem::path> sorted_files(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{directory, ignored}) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

void add_client_pair(SSL_CTX* context, const std::filesystem::path& cert) {
  std::filesystem::path key = cert;
  key.replace_extension(".key");
  if (!std::filesystem::exists(key)) {
    throw Error{Errc::invalid, "missing key " + key.filename().string() + " for client certificate " +
                                   cert.filename().string() + ". CA certificates must use the extension .crt"};
  }
  if (SSL_CTX_use_certificate_chain_file(context, cert.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw Error{Errc::invalid, "cannot use " + cert.string() + " with its key: " + openssl_error()};
  }
}

void add_directory(SSL_CTX* context, const std::filesystem::path& directory) {
  for (const auto& file : sorted_files(directory)) {
    if (file.extension() == ".crt" && SSL_CTX_load_verify_file(context, file.c_str()) != 1) {
      throw Error{Errc::invalid, "cannot use " + file.string() + ": " + openssl_error()};
    }
    if (file.extension() == ".cert") add_client_pair(context, file);
  }
}

}  // namespace

std::string openssl_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "unexpected EOF";
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  const char* reason = ERR_reason_error_string(code);
  if (reason == nullptr) return text.data();
  // "sslv3 alert bad certificate" is Go's "bad certificate".
  const char* alert = std::strstr(reason, " alert ");
  return alert == nullptr ? reason : alert + std::strlen(" alert ");
}

std::shared_ptr<SSL_CTX> TlsTrust::context(const std::string& authority, bool verify) {
  const std::lock_guard lock{mutex_};
  auto& known = contexts_[authority + (verify ? "" : " unverified")];
  std::string files = files_of(authority);
  if (known.context == nullptr || known.files != files) {
    known.context = make(authority, verify);
    known.files = std::move(files);
  }
  return known.context;
}

/// What tells a file that was put there, replaced or written anew.
std::string TlsTrust::files_of(const std::string& authority) const {
  std::string out;
  for (const std::string& directory : certs_dirs_) {
    for (const auto& file : sorted_files(std::filesystem::path{directory} / authority)) {
      struct stat status {};
      if (::stat(file.c_str(), &status) != 0) continue;
      out += file.string() + ' ' + std::to_string(status.st_ino) + ' ' + std::to_string(status.st_size) + ' ' +
             std::to_string(status.st_ctim.tv_sec) + '.' + std::to_string(status.st_ctim.tv_nsec) + '\n';
    }
  }
  return out;
}

std::shared_ptr<SSL_CTX> TlsTrust::make(const std::string& authority, bool verify) const {
  std::shared_ptr<SSL_CTX> context{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  if (context == nullptr) throw Error{Errc::exhausted, "cannot set up TLS: " + openssl_error()};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_default_verify_paths(context.get());
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  for (const std::string& directory : certs_dirs_)
    add_directory(context.get(), std::filesystem::path{directory} / authority);
  return context;
}

}  // namespace hub
