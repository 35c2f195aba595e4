#include "operation.hpp"

#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "gantry/base64.hpp"

namespace gantry::dockerfile {
namespace {

using nlohmann::ordered_json;

std::string dumped(const ordered_json& operation) {
  return operation.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

/// Octal, or decimal, digits; none if they are something else.
std::optional<std::uint32_t> digits(const std::string& text, int base) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

ordered_json named(const std::string& name) {
  if (const auto id = digits(name, 10)) return {{"User", {{"byID", *id}}}};
  return {{"User", {{"byName", {{"name", name}, {"input", 0}}}}}};
}

ordered_json owner_json(const std::string& owner) {
  const std::size_t colon = owner.find(':');
  ordered_json out{{"user", named(owner.substr(0, colon))}};
  if (colon != std::string::npos) out["group"] = named(owner.substr(colon + 1));
  return out;
}

void describe_cache(const RunMount& mount, ordered_json& out) {
  out["mountType"] = 3;
  out["cacheOpt"] = {{"ID", mount.id.empty() ? mount.target : mount.id}};
  const int sharing = mount.sharing == "private" ? 1 : mount.sharing == "locked" ? 2 : 0;
  if (sharing != 0) out["cacheOpt"]["sharing"] = sharing;
}

ordered_json mount_json(const RunMount& mount, const std::optional<std::size_t>& origin) {
  ordered_json out{{"input", origin ? static_cast<std::int64_t>(*origin) : -1}, {"dest", mount.target}};
  if (!mount.source.empty() && origin) out["selector"] = mount.source;
  if (mount.type == "bind" ? mount.read_only.value_or(true) : mount.read_only.value_or(false)) out["readonly"] = true;
  if (mount.type == "cache") {
    describe_cache(mount, out);
  } else if (mount.type == "tmpfs") {
    out["mountType"] = 4;
  } else if (mount.type == "secret") {
    out["mountType"] = 1;
    out["secretOpt"] = {{"ID", mount.id}, {"optional", !mount.required}};
  } else if (mount.type == "ssh") {
    out["mountType"] = 2;
    out["SSHOpt"] = {{"ID", mount.id.empty() ? "default" : mount.id}, {"optional", !mount.required}};
  }
  return out;
}

}  // namespace

std::string command_operation(const CommandTold& told) {
  ordered_json meta{{"args", told.process}, {"env", told.env}, {"cwd", told.directory}};
  if (!told.user.empty()) meta["user"] = told.user;
  ordered_json mounts = ordered_json::array({ordered_json{{"input", 0}, {"dest", "/"}}});
  for (std::size_t at = 0; at < told.mounts.size(); ++at) {
    mounts.push_back(mount_json(told.mounts[at], told.origins.at(at)));
  }
  ordered_json out{{"meta", std::move(meta)}, {"mounts", std::move(mounts)}};
  if (told.network == "host") out["network"] = 1;
  if (told.network == "none") out["network"] = 2;
  if (told.insecure) out["security"] = 1;
  return dumped({{"exec", std::move(out)}});
}

std::string files_operation(const FilesTold& told) {
  ordered_json actions = ordered_json::array();
  const std::size_t all = told.copied.size() + told.written.size();
  const auto add = [&](ordered_json action, std::int64_t second) {
    const std::size_t at = actions.size();
    // Each goes on with what the one before has made.
    actions.push_back({{"input", at == 0 ? 0 : told.inputs + at - 1},
                       {"secondaryInput", second},
                       {"output", at + 1 == all ? 0 : -1},
                       {"Action", std::move(action)}});
  };
  const auto mode = digits(told.mode, 8);
  for (const FilesTold::Copied& copied : told.copied) {
    ordered_json copy{{"src", copied.source}, {"dest", told.destination}};
    if (!told.owner.empty()) copy["owner"] = owner_json(told.owner);
    copy["mode"] = mode ? static_cast<std::int64_t>(*mode) : -1;
    if (!mode && !told.mode.empty()) copy["modeStr"] = told.mode;
    copy["followSymlink"] = true;
    copy["dirCopyContents"] = true;
    if (told.add) copy["attemptUnpackDockerCompatibility"] = true;
    copy["createDestPath"] = true;
    copy["allowWildcard"] = true;
    copy["allowEmptyWildcard"] = true;
    copy["timestamp"] = -1;
    if (!told.exclude.empty()) copy["excludePatterns"] = told.exclude;
    add({{"copy", std::move(copy)}}, static_cast<std::int64_t>(copied.input));
  }
  for (const FilesTold::Written& written : told.written) {
    ordered_json file{{"path", written.path},
                      {"mode", mode.value_or(0644)},
                      {"data", base64_encode(written.content)},
                      {"timestamp", -1}};
    if (!told.owner.empty()) file["owner"] = owner_json(told.owner);
    add({{"mkfile", std::move(file)}}, -1);
  }
  return dumped({{"file", {{"actions", std::move(actions)}}}});
}

std::string directory_operation(const std::string& path) {
  const ordered_json made{{"path", path}, {"mode", 0755}, {"makeParents", true}, {"timestamp", -1}};
  const ordered_json action{
      {"input", 0}, {"secondaryInput", -1}, {"output", 0}, {"Action", ordered_json{{"mkdir", made}}}};
  return dumped({{"file", ordered_json{{"actions", ordered_json::array({action})}}}});
}

}  // namespace gantry::dockerfile
