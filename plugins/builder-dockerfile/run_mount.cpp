#include <algorithm>

#include "instruction.hpp"
#include "text.hpp"

namespace gantry::dockerfile {
namespace {

bool truth(const std::string& key, const std::string& value) {
  const std::string text = lower(value);
  if (text == "true" || text == "1" || text.empty()) return true;
  if (text == "false" || text == "0") return false;
  throw Error{Errc::invalid, "invalid value for " + key + ": " + value};
}

void take(RunMount& mount, const std::string& key, const std::string& value) {
  if (key == "type") {
    mount.type = lower(value);
  } else if (key == "from") {
    mount.from = value;
  } else if (key == "source" || key == "src") {
    mount.source = value;
  } else if (key == "target" || key == "dst" || key == "destination") {
    mount.target = value;
  } else if (key == "id") {
    mount.id = value;
  } else if (key == "sharing") {
    mount.sharing = lower(value);
  } else if (key == "readonly" || key == "ro") {
    mount.read_only = truth(key, value);
  } else if (key == "readwrite" || key == "rw") {
    mount.read_only = !truth(key, value);
  } else if (key == "required") {
    mount.required = truth(key, value);
  } else if (key == "size") {
    mount.size = value;
  } else if (key == "mode") {
    mount.mode = value;
  } else if (key == "uid") {
    mount.uid = value;
  } else if (key == "gid") {
    mount.gid = value;
  } else if (key == "env") {
    mount.env = value;
  } else {
    static const std::vector<std::string> known{"type", "from",    "source",   "target",      "readonly",
                                                "id",   "sharing", "required", "size",        "mode",
                                                "uid",  "gid",     "src",      "destination", "env"};
    throw Error{Errc::invalid, "unexpected key '" + key + "' in '" + key + "=" + value + "'" + suggestion(key, known)};
  }
}

}  // namespace

RunMount parse_run_mount(const std::string& text) {
  RunMount mount;
  for (const std::string& field : split(text, ',')) {
    const auto equals = field.find('=');
    const std::string key = lower(field.substr(0, equals));
    static const std::vector<std::string> plain{"readonly", "ro", "readwrite", "rw", "required"};
    if (equals == std::string::npos && std::find(plain.begin(), plain.end(), key) == plain.end()) {
      throw Error{Errc::invalid, "invalid field '" + field + "' must be a key=value pair"};
    }
    take(mount, key, equals == std::string::npos ? "" : field.substr(equals + 1));
  }
  static const std::vector<std::string> types{"bind", "cache", "tmpfs", "secret", "ssh"};
  if (std::find(types.begin(), types.end(), mount.type) == types.end()) {
    throw Error{Errc::invalid, "unsupported mount type " + quote(mount.type) + suggestion(mount.type, types)};
  }
  if (!mount.sharing.empty() && mount.sharing != "shared" && mount.sharing != "private" && mount.sharing != "locked") {
    throw Error{Errc::invalid, "unsupported sharing value " + quote(mount.sharing)};
  }
  const bool optional_target = mount.type == "secret" || mount.type == "ssh";
  // What is lent has no place of its own: "source" is another word for its name.
  if (optional_target && !mount.source.empty()) mount.id = mount.source;
  if (mount.type == "secret" && mount.id.empty() && mount.target.empty()) {
    throw Error{Errc::invalid, "invalid secret mount. one of source, target required"};
  }
  if (mount.target.empty() && !optional_target) {
    throw Error{Errc::invalid, "invalid mount config for type " + quote(mount.type) + ": field target must be set"};
  }
  return mount;
}

}  // namespace gantry::dockerfile
