#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "container_shim/plan.hpp"
#include "gantry/runtime.hpp"

/// What the driver and its shims leave on disk about a container, and the kernel's small files.
namespace gantry::container_shim {

std::string read_text(const std::string& path);  ///< Empty if it cannot be read.
std::string first_line(const std::string& path);
bool write_file(const std::string& path, std::string_view text);  ///< An existing one, in one write.

std::uint64_t to_number(const std::string& text);  ///< 0 for anything else ("max").
std::uint64_t read_number(const std::string& path);
using Pairs = std::vector<std::pair<std::string, std::uint64_t>>;
Pairs read_pairs(const std::string& path);  ///< Lines of "name value".
std::uint64_t value_of(const Pairs& pairs, std::string_view name);

/// Whether `id` is fit to be a directory's name.
bool is_valid_id(const std::string& id);

/// What the shim wrote before the container's program ran.
struct StartedState {
  pid_t shim{};
  std::uint64_t shim_start{};
  pid_t init{};
  std::uint64_t init_start{};
};

/// The directory of one container below the driver's.
class ContainerFiles {
 public:
  ContainerFiles(const std::string& base, const std::string& id) : directory_(base + "/" + id) {}

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] bool exist() const;

  /// Makes the directory and records the cgroup's directories. Errors: conflict (exists), io.
  void create(const std::vector<PlanCgroup>& cgroups) const;
  void remove() const;  ///< Nothing if there is none.

  [[nodiscard]] std::vector<std::string> cgroup_directories() const;
  [[nodiscard]] std::optional<StartedState> started() const;
  [[nodiscard]] std::optional<runtime::v1::ExitStatus> exit_status() const;
  [[nodiscard]] std::optional<runtime::v1::ExitStatus> exec_exit_status(const std::string& exec_id) const;
  void write_exit_status(const runtime::v1::ExitStatus& status) const;  ///< For a shim that could not.

 private:
  void remove_content() const;

  std::string directory_;
};

}  // namespace gantry::container_shim
