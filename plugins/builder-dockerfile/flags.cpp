#include "flags.hpp"

#include "text.hpp"

namespace gantry::dockerfile {

std::vector<std::string> Flags::list(const std::string& name) {
  known_.push_back(name);
  std::vector<std::string> values;
  const std::string start = "--" + name;
  std::erase_if(given_, [&](const std::string& flag) {
    if (flag == start) throw Error{Errc::invalid, "missing a value on flag: " + name};
    if (!flag.starts_with(start + "=")) return false;
    values.push_back(flag.substr(start.size() + 1));
    return true;
  });
  return values;
}

std::string Flags::text(const std::string& name) {
  const std::vector<std::string> values = list(name);
  if (values.size() > 1) throw Error{Errc::invalid, "duplicate flag specified: " + name};
  return values.empty() ? std::string{} : values.front();
}

std::optional<bool> Flags::choice(const std::string& name) {
  if (std::erase(given_, "--" + name) > 0) {
    known_.push_back(name);
    return true;
  }
  const std::string value = lower(text(name));
  if (value.empty()) return {};
  if (value == "false") return false;
  if (value == "true") return true;
  throw Error{Errc::invalid, "expecting boolean value for flag " + name + ", not: " + value};
}

void Flags::check() const {
  if (given_.empty()) return;
  std::string name = given_.front().substr(2);
  name.erase(std::min(name.find('='), name.size()));
  throw Error{Errc::invalid, "unknown flag: " + name + suggestion(name, known_)};
}

}  // namespace gantry::dockerfile
