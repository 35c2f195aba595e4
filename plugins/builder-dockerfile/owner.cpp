#include <charconv>
#include <optional>

#include "copy_files.hpp"
#include "gantry/error.hpp"
#include "text.hpp"

namespace gantry::dockerfile {
namespace {

constexpr std::size_t kMaxFile = std::size_t{4} << 20;

std::optional<std::uint32_t> number(const std::string& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

/// A field of the line whose first is `name`: the third has its own number.
std::optional<std::uint32_t> look_up(const Tree& image, const std::string& file, const std::string& name,
                                     std::size_t field = 2) {
  const UniqueFd database = image.open_file(file);
  if (!database) return {};
  for (const std::string& line : split(read_whole(database.get(), kMaxFile, file), '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() > field && fields[0] == name) return number(fields[field]);
  }
  return {};
}

}  // namespace

Owner resolve_owner(const std::string& text, const Tree& image) {
  const auto parts = split(text, ':');
  if (parts.size() > 2 || parts[0].empty()) {
    throw Error{Errc::invalid, "invalid chown string format: " + text};
  }
  const std::string& user = parts[0];
  const std::string& group = parts.size() == 2 && !parts[1].empty() ? parts[1] : parts[0];
  const auto resolve = [&](const std::string& name, const std::string& file, const char* id_kind, const char* kind) {
    if (const auto id = number(name)) return *id;
    if (const auto id = look_up(image, file, name)) return *id;
    throw Error{Errc::invalid, "unable to convert uid/gid chown string to host mapping: can't find " +
                                   std::string{id_kind} + " for " + kind + " " + name + ": no such " + kind + ": " +
                                   name};
  };
  Owner owner;
  owner.uid = resolve(user, "etc/passwd", "uid", "user");
  const bool alone = parts.size() < 2 || parts[1].empty();
  // A user's own group, where there is none of the user's name.
  const auto own = alone && !number(user) && !look_up(image, "etc/group", user) ? look_up(image, "etc/passwd", user, 3)
                                                                                : std::nullopt;
  owner.gid = own ? *own : resolve(group, "etc/group", "gid", "group");
  return owner;
}

mode_t parse_mode(const std::string& text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc{} || end != text.data() + text.size() || value > 07777) {
    throw Error{Errc::invalid,
                "invalid chmod parameter: '" + text + "'. it should be octal string and between 0 and 07777"};
  }
  return value;
}

}  // namespace gantry::dockerfile
