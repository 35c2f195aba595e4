#pragma once

#include <span>

#include "state/sqlite.hpp"

namespace gantry::state {

/// Marks our databases (SQLite's application_id): "gnty".
inline constexpr std::int64_t kApplicationId = 0x676e7479;

/// The steps from one version of the schema (SQLite's user_version) to the next: the first makes version 1. What was
/// released is never changed.
std::span<const char* const> schema_steps();

/// Brings the database up to date, all or nothing.
/// Errors: invalid (not ours, or from a newer version).
void migrate(Connection& connection, std::span<const char* const> steps);

/// Makes an empty database of ours: the file exists whole or not at all, also after a kill.
void create_database(const std::filesystem::path& file);

}  // namespace gantry::state
