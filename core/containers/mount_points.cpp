#include "containers/mount_points.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

// As dockerd shows a volume that was asked for without a mode.
constexpr const char* kVolumeMode = "z";

[[noreturn]] void refuse(const std::string& message) { throw Error{Errc::invalid, message}; }

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  for (;;) {
    const std::size_t end = text.find(separator, at);
    parts.push_back(text.substr(at, end - at));
    if (end == std::string::npos) return parts;
    at = end + 1;
  }
}

bool is_volume_name(const std::string& name) {
  const auto word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  return name.size() >= 2 && word(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return word(c) || c == '_' || c == '.' || c == '-'; });
}

const std::set<std::string>& propagations() {
  static const std::set<std::string> modes{"private", "rprivate", "slave", "rslave", "shared", "rshared"};
  return modes;
}

enum class ModeKind { access, label, propagation, copy, consistency, id_map, unknown };

ModeKind kind_of(const std::string& word) {
  if (word == "ro" || word == "rw") return ModeKind::access;
  if (word == "z" || word == "Z") return ModeKind::label;
  if (propagations().contains(word)) return ModeKind::propagation;
  if (word == "nocopy") return ModeKind::copy;
  if (word == "consistent" || word == "cached" || word == "delegated") return ModeKind::consistency;
  if (word == "idmap") return ModeKind::id_map;
  return ModeKind::unknown;
}

// As dockerd: one word of each kind at most.
std::map<ModeKind, std::string> mode_words(const std::string& mode) {
  std::map<ModeKind, std::string> words;
  if (mode.empty()) return words;
  for (const std::string& word : split(mode, ',')) {
    const ModeKind kind = kind_of(word);
    if (kind == ModeKind::unknown || !words.emplace(kind, word).second) refuse("invalid mode: " + mode);
  }
  return words;
}

void apply_mode(MountPoint& mount, const std::string& spec) {
  const bool bind = mount.type == "bind";
  auto words = mode_words(mount.mode);
  const char* const foreign = bind ? "VolumeOptions" : "BindOptions";
  if (words.contains(bind ? ModeKind::copy : ModeKind::propagation)) {
    refuse("invalid volume specification: '" + spec + "': invalid mount config for type \"" + mount.type +
           "\": field " + foreign + " must not be specified");
  }
  if (!bind && words.contains(ModeKind::id_map)) refuse("invalid mode: " + mount.mode);
  mount.id_map = words.contains(ModeKind::id_map);
  mount.writable = words[ModeKind::access] != "ro";
  mount.no_copy = words.contains(ModeKind::copy);
  if (words.contains(ModeKind::propagation)) mount.propagation = words[ModeKind::propagation];
}

void check_destination(const std::string& destination, const std::string& type, const std::string& spec) {
  if (destination.empty() || destination.front() != '/') {
    refuse("invalid volume specification: '" + spec + "': invalid mount config for type \"" + type +
           "\": invalid mount path: '" + destination + "' mount path must be absolute");
  }
  if (clean_path(destination) == "/") {
    refuse("invalid volume specification: '" + spec + "': invalid mount config for type \"" + type +
           "\": invalid specification: destination can't be '/'");
  }
}

// As Go's filepath.IsLocal: no way up and out.
bool is_local(const std::string& path) {
  if (path.empty()) return true;
  const std::string normal = std::filesystem::path(path).lexically_normal().string();
  return !normal.starts_with('/') && normal != ".." && !normal.starts_with("../");
}

void check_volume_name(const std::string& name) {
  if (is_volume_name(name)) return;
  if (name.size() < 2) {
    refuse("create " + name + ": volume name is too short, names should be at least two alphanumeric characters");
  }
  refuse(
      "create " + name + ": \"" + name +
      "\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you "
      "intended to pass a host directory, use absolute path");
}

[[noreturn]] void refuse_mount(const wire::MountRequest& request, const std::string& why) {
  refuse("invalid mount config for type \"" + request.type + "\": " + why);
}

[[noreturn]] void refuse_extra(const wire::MountRequest& request, const std::string& field) {
  refuse(field + " must not be specified on mount type \"" + request.type + "\"");
}

void read_bind(const wire::MountRequest& request, MountPoint& mount) {
  if (request.source.empty()) refuse_mount(request, "field Source must not be empty");
  if (request.source.front() != '/') {
    refuse_mount(request, "invalid mount path: '" + request.source + "' mount path must be absolute");
  }
  mount.source = clean_path(request.source);
  mount.propagation = "rprivate";
  if (request.bind) {
    if (!request.bind->propagation.empty()) mount.propagation = request.bind->propagation;
    if (!propagations().contains(mount.propagation)) {
      refuse_mount(request, "invalid propagation mode: " + mount.propagation);
    }
    mount.non_recursive = request.bind->non_recursive;
    mount.readonly_top_only = request.bind->read_only_non_recursive;
    mount.create_source = request.bind->create_mountpoint;
    mount.id_map = request.bind->id_map;
  }
  struct stat status {};
  if (!mount.create_source && ::stat(mount.source.c_str(), &status) != 0) {
    refuse_mount(request, "bind source path does not exist: " + request.source);
  }
}

void read_volume(const wire::MountRequest& request, MountPoint& mount) {
  mount.name = request.source;
  if (!mount.name.empty()) check_volume_name(mount.name);
  mount.anonymous = mount.name.empty();
  mount.mode = kVolumeMode;
  if (!request.volume) return;
  mount.no_copy = request.volume->no_copy;
  mount.subpath = request.volume->subpath;
  if (!mount.subpath.empty() && mount.anonymous) {
    refuse_mount(request, "must not set Subpath when using anonymous volumes");
  }
  if (!is_local(mount.subpath)) refuse_mount(request, "subpath must be a relative path within the volume");
  if (request.volume->driver_config) mount.driver = request.volume->driver_config->name;
}

void read_tmpfs(const wire::MountRequest& request, MountPoint& mount) {
  if (!request.source.empty()) refuse_mount(request, "field Source must not be specified");
  mount.options = "";
  if (request.tmpfs) {
    if (request.tmpfs->size_bytes < 0) refuse_mount(request, "size must not be negative");
    if (request.tmpfs->size_bytes > 0) mount.options = "size=" + std::to_string(request.tmpfs->size_bytes);
    if (request.tmpfs->mode != 0) {
      std::string octal;
      for (std::uint32_t rest = request.tmpfs->mode; rest != 0; rest >>= 3) {
        octal.insert(octal.begin(), static_cast<char>('0' + (rest & 7)));
      }
      mount.options += (mount.options.empty() ? "mode=" : ",mode=") + octal;
    }
    for (const auto& option : request.tmpfs->options) {
      if (option.empty()) continue;
      std::string text = option[0];
      if (option.size() > 1) text += "=" + option[1];
      mount.options += (mount.options.empty() ? "" : ",") + text;
    }
  }
}

void read_image(const wire::MountRequest& request, MountPoint& mount) {
  if (request.source.empty()) refuse_mount(request, "field Source must not be empty");
  mount.name = request.source;
  mount.writable = false;
  if (!request.image) return;
  mount.subpath = request.image->subpath;
  if (!is_local(mount.subpath)) refuse_mount(request, "subpath must be a relative path within the image");
}

void add(std::vector<MountPoint>& places, MountPoint place) {
  std::erase_if(places, [&](const MountPoint& other) { return other.destination == place.destination; });
  places.push_back(std::move(place));
}

void add_volumes_from(const std::string& text, const std::function<Container(const std::string&)>& find,
                      std::vector<MountPoint>& places) {
  if (text.empty()) refuse("volumes-from specification cannot be an empty string");
  const std::size_t colon = text.find(':');
  const std::string mode = colon == std::string::npos ? "" : text.substr(colon + 1);
  auto words = mode_words(mode);
  // These are settled where the mount comes from.
  for (const ModeKind kind : {ModeKind::propagation, ModeKind::copy, ModeKind::id_map}) {
    if (words.contains(kind)) refuse("invalid mode: " + mode);
  }
  for (MountPoint place : find(text.substr(0, colon)).mounts) {
    if (place.type == "tmpfs") continue;
    if (words[ModeKind::access] == "ro") place.writable = false;
    place.mode.clear();
    place.from_mounts = false;
    place.no_copy = true;
    add(places, std::move(place));
  }
}

}  // namespace

void check_no_nul(const MountPoint& place) {
  for (const std::string* text : {&place.destination, &place.source, &place.options, &place.name}) {
    if (text->find('\0') != std::string::npos) refuse("invalid mount config for type \"" + place.type + "\": NUL byte");
  }
}

std::string clean_path(const std::string& path) {
  std::string clean = std::filesystem::path(path).lexically_normal().string();
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean;
}

MountPoint parse_bind(const std::string& text, const std::string& volume_driver) {
  const auto parts = split(text, ':');
  if (parts.size() > 3 || std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.empty(); })) {
    refuse("invalid volume specification: '" + text + "'");
  }
  MountPoint mount;
  std::string source;
  if (parts.size() == 1) {
    mount.destination = parts[0];
  } else {
    source = parts[0];
    mount.destination = parts[1];
  }
  if (parts.size() == 3) mount.mode = parts[2];
  check_destination(mount.destination, source.starts_with('/') ? "bind" : "volume", text);
  mount.destination = clean_path(mount.destination);
  if (source.starts_with('/')) {
    mount.type = "bind";
    mount.source = clean_path(source);
    mount.propagation = "rprivate";
    mount.create_source = true;
  } else {
    mount.type = "volume";
    if (!source.empty()) check_volume_name(source);
    mount.name = source;
    mount.anonymous = source.empty();
    mount.driver = volume_driver;
  }
  apply_mode(mount, text);
  if (mount.mode.empty() && mount.type == "volume" && !mount.anonymous) mount.mode = kVolumeMode;
  return mount;
}

MountPoint parse_mount(const wire::MountRequest& request) {
  if (request.target.empty()) refuse_mount(request, "field Target must not be empty");
  if (request.target.front() != '/') {
    refuse_mount(request, "invalid mount path: '" + request.target + "' mount path must be absolute");
  }
  MountPoint mount;
  mount.type = request.type;
  mount.destination = clean_path(request.target);
  if (mount.destination == "/") refuse_mount(request, "invalid specification: destination can't be '/'");
  mount.writable = !request.read_only;
  mount.from_mounts = true;
  if (request.bind && request.type != "bind") refuse_extra(request, "BindOptions");
  if (request.volume && request.type != "volume") refuse_extra(request, "VolumeOptions");
  if (request.tmpfs && request.type != "tmpfs") refuse_extra(request, "TmpfsOptions");
  if (request.image && request.type != "image") refuse_extra(request, "ImageOptions");
  if (request.type == "bind")
    read_bind(request, mount);
  else if (request.type == "volume")
    read_volume(request, mount);
  else if (request.type == "tmpfs")
    read_tmpfs(request, mount);
  else if (request.type == "image")
    read_image(request, mount);
  else
    refuse_mount(request, "mount type unknown");
  return mount;
}

std::string readonly_conflict(const wire::MountRequest& request) {
  if (request.type != "bind" || !request.bind) return "";
  const bool top_only = request.bind->read_only_non_recursive;
  const bool whole = request.bind->read_only_force_recursive;
  const std::string begin = "mount options conflict: ";
  if (!request.read_only && top_only) return begin + "!ReadOnly && BindOptions.ReadOnlyNonRecursive";
  if (!request.read_only && whole) return begin + "!ReadOnly && BindOptions.ReadOnlyForceRecursive";
  if (top_only && whole) return begin + "ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive";
  return "";
}

std::vector<MountPoint> mount_points(const wire::ContainerConfig& config, const wire::HostConfig& host,
                                     const std::function<Container(const std::string&)>& find, bool readonly_at_top) {
  std::vector<MountPoint> places;
  for (const std::string& other : host.volumes_from) add_volumes_from(other, find, places);
  std::set<std::string> own;
  const auto add_own = [&](MountPoint mount) {
    if (!own.insert(mount.destination).second) refuse("Duplicate mount point: " + mount.destination);
    if (readonly_at_top && mount.type == "bind" && !mount.writable) mount.readonly_top_only = true;
    add(places, std::move(mount));
  };
  for (const std::string& bind : host.binds) add_own(parse_bind(bind, host.volume_driver));
  for (const wire::MountRequest& mount : host.mounts) add_own(parse_mount(mount));
  for (const auto& [destination, options] : host.tmpfs) {
    if (!destination.starts_with('/')) refuse("invalid mount path: '" + destination + "' mount path must be absolute");
    if (clean_path(destination) == "/") refuse("invalid specification: destination can't be '/'");
    MountPoint mount;
    mount.type = "tmpfs";
    mount.destination = clean_path(destination);
    mount.options = options;
    add_own(std::move(mount));
  }
  for (const std::string& destination : config.volumes) {
    // The docker CLI takes a name of one letter for a drive of Windows, and `-v a:/b` for the path of a volume without
    // a name.
    const bool is_named =
        destination.size() > 1 && destination[1] == ':' && std::isalpha(static_cast<unsigned char>(destination[0]));
    if (is_named) check_volume_name(destination.substr(0, 1));
    check_destination(destination, "volume", destination);
    const std::string clean = clean_path(destination);
    const bool taken = std::any_of(places.begin(), places.end(), [&](const auto& p) { return p.destination == clean; });
    if (taken) continue;
    MountPoint mount;
    mount.type = "volume";
    mount.destination = clean;
    mount.driver = host.volume_driver;
    mount.anonymous = true;
    places.push_back(std::move(mount));
  }
  for (const MountPoint& place : places) check_no_nul(place);
  sort_by_depth(places);
  return places;
}

bool is_outer(const MountPoint& a, const MountPoint& b) {
  return std::count(a.destination.begin(), a.destination.end(), '/') <
         std::count(b.destination.begin(), b.destination.end(), '/');
}

void sort_by_depth(std::vector<MountPoint>& places) { std::stable_sort(places.begin(), places.end(), is_outer); }

std::map<std::string, std::string> mount_attributes(const MountPoint& place) {
  return {{"destination", place.destination},
          {"propagation", place.propagation},
          {"read/write", place.writable ? "true" : "false"}};
}

}  // namespace gantry::containers
