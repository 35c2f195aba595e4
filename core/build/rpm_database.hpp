#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "build/package_lists.hpp"

namespace gantry::build {

/// The package that an rpm header tells of, as it stands in rpm's database (rpm's docs/manual/hregions.md: counts, an
/// index, the data; numbers are big-endian). Nothing if it makes no sense.
std::optional<Package> parse_rpm_header(std::string_view header);

/// The packages of rpm's database as SQLite keeps it (rpmdb.sqlite, since rpm 4.16), of which `content` is the file.
/// Its schema is anybody's: nothing of it is carried out but the reading of one table. `check` is called now and then,
/// and may throw. False if it is no such database.
bool add_rpm_packages(std::string content, const std::string& path, const std::function<void()>& check,
                      std::vector<Package>& out);

}  // namespace gantry::build
