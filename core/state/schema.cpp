#include "state/schema.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/file.hpp"

namespace gantry::state {
namespace {

constexpr std::array kSteps{
    "CREATE TABLE records (kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id))",
};

}  // namespace

std::span<const char* const> schema_steps() { return kSteps; }

void migrate(Connection& connection, std::span<const char* const> steps) {
  const std::string name = "the state database " + connection.file().string();
  if (connection.integer("PRAGMA application_id") != kApplicationId) {
    throw Error{Errc::invalid, name + " is not one of gantryd's: move it away, or choose another --data-root"};
  }
  const auto version = static_cast<std::size_t>(connection.integer("PRAGMA user_version"));
  if (version > steps.size()) {
    throw Error{Errc::invalid, name + " is of schema " + std::to_string(version) +
                                   ", from a newer gantryd; this one knows up to " + std::to_string(steps.size())};
  }
  if (version == steps.size()) return;
  connection.execute("BEGIN IMMEDIATE");
  try {
    for (const char* step : steps.subspan(version)) connection.execute(step);
    connection.execute(("PRAGMA user_version = " + std::to_string(steps.size())).c_str());
    connection.execute("COMMIT");
  } catch (...) {
    ::sqlite3_exec(connection.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

void create_database(const std::filesystem::path& file) {
  const std::filesystem::path draft = file.string() + ".new";
  std::filesystem::remove(draft);
  std::filesystem::remove(draft.string() + "-journal");
  {
    const UniqueFd created{::open(draft.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!created) throw_errno("cannot create the state database " + file.string());
    Connection connection{draft};
    connection.execute(("PRAGMA application_id = " + std::to_string(kApplicationId)).c_str());
    migrate(connection, schema_steps());
  }
  if (::rename(draft.c_str(), file.c_str()) != 0) throw_errno("cannot create the state database " + file.string());
}

}  // namespace gantry::state
