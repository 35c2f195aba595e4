#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "json.hpp"

namespace gantry::cli {

/// Names the daemon that flags and environment give, and is in no file.
inline constexpr const char* kDefaultContext = "default";

/// A named daemon.
struct StoredContext {
  std::string name;
  std::string description;
  std::string host;
  bool skip_tls_verify{};
  std::map<std::string, std::string> tls;  ///< "ca.pem", "cert.pem", "key.pem": their content.
  std::string meta{};  ///< The meta.json that it was read from: what only other programs know in it stays.
};

/// Contexts as docker keeps them, so that both programs have the same: contexts/meta/<sha256 of the name>/meta.json and
/// contexts/tls/<the same>/docker/*.pem below the folder of config.json.
class ContextStore {
 public:
  explicit ContextStore(const std::string& config_dir) : config_dir_(config_dir), root_(config_dir + "/contexts") {}

  [[nodiscard]] const std::string& config_dir() const noexcept { return config_dir_; }

  /// By name, numbers in it by their value.
  [[nodiscard]] std::vector<StoredContext> all() const;
  [[nodiscard]] bool exists(const std::string& name) const;
  /// Without the content of its TLS files, only their names. Errors: Failure ("context "x": context not found: ...").
  [[nodiscard]] StoredContext load(const std::string& name) const;
  /// With it.
  [[nodiscard]] StoredContext load_whole(const std::string& name) const;
  void save(const StoredContext& context) const;
  void remove(const std::string& name) const;

  [[nodiscard]] std::string meta_folder(const std::string& name) const;
  [[nodiscard]] std::string tls_folder(const std::string& name) const;

 private:
  std::string config_dir_;
  std::string root_;
};

/// The text of meta.json.
std::string to_meta(const StoredContext& context);
/// Errors: Failure.
StoredContext from_meta(const std::string& text);

/// Errors: Failure ("context name ... is invalid").
void check_context_name(const std::string& name);

bool natural_less(const std::string& a, const std::string& b);

}  // namespace gantry::cli
