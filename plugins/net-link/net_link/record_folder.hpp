#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::net_link {

/// One small file of lines "key value" for each thing that a driver makes in the kernel. It lies in the exec root: like
/// the kernel's things, it ends with the host. Any thread; two must not write the same name. Errors: io.
class RecordFolder {
 public:
  explicit RecordFolder(std::filesystem::path directory);  ///< Made if it is missing.

  /// All or nothing.
  void put(const std::string& name, const std::string& text) const;
  /// One more line for what is there. All or nothing.
  void add(const std::string& name, const std::string& line) const;
  /// Calls `visit(key, rest of the line)` for each line; false if there is no such file.
  bool read(const std::string& name, const std::function<void(const std::string&, const std::string&)>& visit) const;
  /// Succeeds if there is none.
  void erase(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::filesystem::path directory_;
};

/// Whether an id may be a file's name: hex digits, at most 64. Errors: invalid.
void check_id(const std::string& id);

/// The name of an endpoint's file, and the pairs of network and endpoint that a folder's names stand for.
std::string endpoint_file(const std::string& network_id, const std::string& id);
std::vector<std::pair<std::string, std::string>> endpoint_ids(const RecordFolder& folder);

}  // namespace gantry::net_link
