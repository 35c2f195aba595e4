#include "parse/mount.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "command/failure.hpp"
#include "command/flags.hpp"
#include "parse/pairs.hpp"
#include "parse/quantity.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

std::string absolute(const std::string& path) { return std::filesystem::absolute(path).lexically_normal().string(); }

bool is_relative(const std::string& path) {
  return path == "." || path == ".." || starts_with(path, "./") || starts_with(path, "../");
}

bool parse_switch(const std::string& key, const std::string& value) {
  try {
    return value == "true" || value == "1" || (value != "false" && value != "0" && parse_bool(value));
  } catch (const InvalidValue&) {
    throw InvalidValue("invalid value for " + key + ": " + value);
  }
}

void set_recursion(Json& bind, const std::string& value) {
  if (value == "enabled") return;
  if (value == "disabled") {
    bind["NonRecursive"] = true;
  } else if (value == "writable") {
    bind["ReadOnlyNonRecursive"] = true;
  } else if (value == "readonly") {
    bind["ReadOnlyForceRecursive"] = true;
  } else {
    throw InvalidValue("invalid value for bind-recursive: " + value +
                       " (must be \"enabled\", \"disabled\", \"writable\", or \"readonly\")");
  }
}

unsigned parse_mode(const std::string& value) {
  std::size_t used = 0;
  unsigned long mode = 0;
  try {
    mode = std::stoul(value, &used, 8);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used != value.size() || value.empty()) throw InvalidValue("invalid value for tmpfs-mode: " + value);
  return static_cast<unsigned>(mode);
}

/// Takes the fields of one mount, one after the other.
class MountBuilder {
 public:
  void set(const std::string& key, const std::string& value, const std::string& field) {
    if (set_common(key, value) || set_bind(key, value) || set_volume(key, value) || set_tmpfs(key, value)) return;
    throw InvalidValue("unexpected key '" + key + "' in '" + field + "'");
  }

  void set_flag(const std::string& key, const std::string& field) {
    if (key == "readonly" || key == "ro") {
      mount_["ReadOnly"] = true;
    } else if (key == "volume-nocopy") {
      volume_["NoCopy"] = true;
    } else if (key == "bind-nonrecursive") {
      bind_["NonRecursive"] = true;
    } else if (key == "idmap") {  // not Docker's, but Podman's
      bind_["IDMap"] = true;
    } else {
      throw InvalidValue("invalid field '" + field + "' must be a key=value pair");
    }
  }

  Json build() {
    const std::string type = mount_["Type"];
    if (!volume_.empty() && !volume_.contains("DriverConfig")) volume_["DriverConfig"] = Json::object();
    if (!mount_.contains("Target")) throw InvalidValue("target is required");
    attach("VolumeOptions", volume_, type == "volume", "volume-*", type);
    attach("BindOptions", bind_, type == "bind", "bind-*", type);
    attach("ImageOptions", image_, type == "image", "image-*", type);
    attach("TmpfsOptions", tmpfs_, type == "tmpfs", "tmpfs-*", type);
    check_recursion();
    if (mount_.contains("Source") && type == "bind" && is_relative(mount_["Source"])) {
      mount_["Source"] = absolute(mount_["Source"]);
    }
    return mount_;
  }

 private:
  bool set_common(const std::string& key, const std::string& value) {
    if (key == "type") {
      mount_["Type"] = lower(value);
    } else if (key == "source" || key == "src") {
      mount_["Source"] = value;
    } else if (key == "target" || key == "dst" || key == "destination") {
      mount_["Target"] = value;
    } else if (key == "readonly" || key == "ro") {
      if (parse_switch(key, value)) mount_["ReadOnly"] = true;
    } else if (key == "consistency") {
      mount_["Consistency"] = lower(value);
    } else {
      return false;
    }
    return true;
  }

  bool set_bind(const std::string& key, const std::string& value) {
    if (key == "bind-propagation") {
      bind_["Propagation"] = lower(value);
    } else if (key == "bind-nonrecursive") {
      bind_["NonRecursive"] = parse_switch(key, value);
    } else if (key == "bind-recursive") {
      set_recursion(bind_, value);
    } else if (key == "bind-create-src") {
      bind_["CreateMountpoint"] = parse_switch(key, value);
    } else if (key == "idmap") {
      bind_["IDMap"] = parse_switch(key, value);
    } else {
      return false;
    }
    return true;
  }

  bool set_volume(const std::string& key, const std::string& value) {
    if (key == "volume-subpath") {
      volume_["Subpath"] = value;
    } else if (key == "volume-nocopy") {
      volume_["NoCopy"] = parse_switch(key, value);
    } else if (key == "volume-label") {
      set_pair(volume_["Labels"], value);
    } else if (key == "volume-driver") {
      volume_["DriverConfig"]["Name"] = value;
    } else if (key == "volume-opt") {
      set_pair(volume_["DriverConfig"]["Options"], value);
    } else if (key == "image-subpath") {
      image_["Subpath"] = value;
    } else {
      return false;
    }
    return true;
  }

  bool set_tmpfs(const std::string& key, const std::string& value) {
    if (key == "tmpfs-size") {
      try {
        tmpfs_["SizeBytes"] = parse_bytes(value);
      } catch (const InvalidValue&) {
        throw InvalidValue("invalid value for tmpfs-size: " + value);
      }
    } else if (key == "tmpfs-mode") {
      tmpfs_["Mode"] = parse_mode(value);
    } else {
      return false;
    }
    return true;
  }

  void check_recursion() const {
    const bool top_only = bind_.contains("ReadOnlyNonRecursive");
    const bool whole = bind_.contains("ReadOnlyForceRecursive");
    if (!top_only && !whole) return;
    const std::string option =
        std::string("option 'bind-recursive=") + (whole ? "readonly" : "writable") + "' requires ";
    if (!mount_.contains("ReadOnly")) throw InvalidValue(option + "'readonly' to be specified in conjunction");
    if (whole && bind_.value("Propagation", "") != "rprivate") {
      throw InvalidValue(option + "'bind-propagation=rprivate' to be specified in conjunction");
    }
  }

  void attach(const char* name, const Json& options, bool fits, const char* prefix, const std::string& type) {
    if (options.empty()) return;
    if (!fits) throw InvalidValue(std::string("cannot mix '") + prefix + "' options with mount type '" + type + "'");
    mount_[name] = options;
  }

  Json mount_ = {{"Type", "volume"}};
  Json bind_ = Json::object();
  Json volume_ = Json::object();
  Json image_ = Json::object();
  Json tmpfs_ = Json::object();
};

}  // namespace

Json parse_mount(const std::string& text) {
  if (text.empty()) throw InvalidValue("EOF");  // as the reader of Go says that there is no record
  MountBuilder builder;
  for (const std::string& field : csv_fields(text)) {
    const auto pair = cut(field, '=');
    const std::string key = lower(pair ? pair->first : field);
    if (pair) {
      builder.set(key, pair->second, field);
    } else {
      builder.set_flag(key, field);
    }
  }
  return builder.build();
}

VolumeSpec parse_volume(const std::string& text) {
  if (text.empty()) throw InvalidValue("invalid empty volume spec");
  const auto parts = split(text, ':');
  // What is this short is a path in the container, whatever it is.
  if (text.size() < 3 || parts.size() == 1) return {"", text};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) throw InvalidValue("invalid spec: " + text + ": empty section between colons");
    if (i == 2 && parts.size() > 3) throw InvalidValue("invalid spec: " + text + ": too many colons");
  }
  if (!is_relative(parts[0])) return {text, ""};
  return {absolute(parts[0]) + text.substr(parts[0].size()), ""};
}

}  // namespace gantry::cli
