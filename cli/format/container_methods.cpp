// The methods of Docker's own types: modes, policies, ports, limits.

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "format/go_methods.hpp"

namespace gantry::cli {

namespace {

using Arguments = std::vector<GoValue>;
using Text = std::string (*)(const std::string&);
using Test = bool (*)(const std::string&);

constexpr std::string_view kContainer = "container:";

bool names_container(const std::string& mode) { return mode.starts_with(kContainer); }

std::string container_of(const std::string& mode) {
  return names_container(mode) ? mode.substr(kContainer.size()) : std::string();
}

/// A method of texts that says something of them.
TemplateFunction text(Text body) {
  return {{}, false, [body](const Arguments& a) { return GoValue(go_type("string"), body(a[0].text())); }};
}

TemplateFunction test(Test body) {
  return {{}, false, [body](const Arguments& a) { return GoValue(go_type("bool"), body(a[0].text())); }};
}

std::string same(const std::string& text) { return text; }

std::string lowered(const std::string& text) {
  std::string lower = text;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

/// Whether a text, or what `as` makes of it, is one of those.
TemplateFunction one_of(std::vector<std::string> texts, Text as = same) {
  return {{}, false, [texts = std::move(texts), as](const Arguments& a) {
            return GoValue(go_type("bool"), std::find(texts.begin(), texts.end(), as(a[0].text())) != texts.end());
          }};
}

TemplateFunction is(const char* wanted) { return one_of({wanted}); }

bool is_no_host(const std::string& mode) { return mode != "host"; }
bool is_own(const std::string& mode) { return is_no_host(mode) && !names_container(mode); }

bool is_users_network(const std::string& mode) {
  return is_own(mode) && mode != "default" && mode != "bridge" && mode != "none";
}

std::string users_network(const std::string& mode) { return is_users_network(mode) ? mode : std::string(); }
std::string network_name(const std::string& mode) { return names_container(mode) ? "container" : mode; }

bool is_pid_mode(const std::string& mode) {
  return mode.empty() || mode == "host" || (names_container(mode) && mode.size() > kContainer.size());
}

bool is_ipc_mode(const std::string& mode) {
  return mode.empty() || mode == "none" || mode == "private" || mode == "shareable" || !is_own(mode);
}

bool is_cgroup(const std::string& cgroup) { return cgroup.empty() || names_container(cgroup); }

void add_modes(MethodTable& methods) {
  methods["container.NetworkMode"] = {{"IsBridge", is("bridge")},
                                      {"IsHost", is("host")},
                                      {"IsNone", is("none")},
                                      {"IsDefault", is("default")},
                                      {"IsPrivate", test(is_own)},
                                      {"IsContainer", test(names_container)},
                                      {"IsUserDefined", test(is_users_network)},
                                      {"NetworkName", text(network_name)},
                                      {"ConnectedContainer", text(container_of)},
                                      {"UserDefined", text(users_network)}};
  methods["container.IpcMode"] = {{"IsPrivate", is("private")},
                                  {"IsHost", is("host")},
                                  {"IsShareable", is("shareable")},
                                  {"IsNone", is("none")},
                                  {"IsEmpty", is("")},
                                  {"IsContainer", test(names_container)},
                                  {"Container", text(container_of)},
                                  {"Valid", test(is_ipc_mode)}};
  methods["container.PidMode"] = {{"IsPrivate", test(is_own)},
                                  {"IsHost", is("host")},
                                  {"IsContainer", test(names_container)},
                                  {"Container", text(container_of)},
                                  {"Valid", test(is_pid_mode)}};
  methods["container.UTSMode"] = {
      {"IsPrivate", test(is_no_host)}, {"IsHost", is("host")}, {"Valid", one_of({"", "host"})}};
  methods["container.UsernsMode"] = methods["container.UTSMode"];
  methods["container.CgroupnsMode"] = {{"IsPrivate", is("private")},
                                       {"IsHost", is("host")},
                                       {"IsEmpty", is("")},
                                       {"Valid", one_of({"", "private", "host"})}};
  methods["container.Isolation"] = {{"IsDefault", one_of({"", "default"}, lowered)},
                                    {"IsValid", one_of({"", "default"}, lowered)},
                                    {"IsHyperV", one_of({"hyperv"}, lowered)},
                                    {"IsProcess", one_of({"process"}, lowered)}};
  methods["container.CgroupSpec"] = {
      {"IsContainer", test(names_container)}, {"Container", text(container_of)}, {"Valid", test(is_cgroup)}};
}

std::string policy_name(const GoValue& policy) { return policy.field("Name").text(); }

TemplateFunction is_policy(std::vector<std::string> names) {
  return {{}, false, [names = std::move(names)](const Arguments& a) {
            return GoValue(go_type("bool"), std::find(names.begin(), names.end(), policy_name(a[0])) != names.end());
          }};
}

GoValue is_same_policy(const Arguments& a) {
  const bool same = policy_name(a[0]) == policy_name(a[1]) &&
                    go_text(a[0].field("MaximumRetryCount")) == go_text(a[1].field("MaximumRetryCount"));
  return {go_type("bool"), same};
}

void add_restart_policy(MethodTable& methods) {
  methods["container.RestartPolicy"] = {
      {"IsNone", is_policy({"", "no"})},
      {"IsAlways", is_policy({"always"})},
      {"IsOnFailure", is_policy({"on-failure"})},
      {"IsUnlessStopped", is_policy({"unless-stopped"})},
      {"IsSame", {{go_type("container.RestartPolicy")}, false, is_same_policy}},
  };
}

std::string port_of(const std::string& port) { return port.substr(0, port.find('/')); }

std::string protocol_of(const std::string& port) {
  if (port_of(port).empty()) return "";
  const auto slash = port.find('/');
  const std::string rest = slash == std::string::npos ? "" : port.substr(slash + 1);
  const std::string protocol = rest.substr(0, rest.find('/'));
  return protocol.empty() ? "tcp" : protocol;
}

GoValue port_number(const Arguments& arguments) {
  const std::string port = port_of(arguments[0].text());
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool is_number = error == std::errc{} && end == port.data() + port.size();
  return {go_type("int"), is_number ? number : 0};
}

/// "name=3:4" of a struct's fields; what stands before a field is in its own string.
TemplateFunction fields(std::vector<std::pair<const char*, const char*>> parts) {
  return {{}, false, [parts = std::move(parts)](const Arguments& a) {
            std::string out;
            for (const auto& [before, field] : parts) out += before + go_text(a[0].field(field));
            return GoValue(go_type("string"), out);
          }};
}

std::string algorithm_of(const std::string& digest) { return digest.substr(0, digest.find(':')); }
std::string encoded_of(const std::string& digest) { return digest.substr(digest.find(':') + 1); }

}  // namespace

void add_container_methods(MethodTable& methods) {
  add_modes(methods);
  add_restart_policy(methods);
  methods["nat.Port"] = {{"Port", text(port_of)}, {"Proto", text(protocol_of)}, {"Int", {{}, false, port_number}}};
  methods["units.Ulimit"] = {{"String", fields({{"", "Name"}, {"=", "Soft"}, {":", "Hard"}})}};
  methods["blkiodev.WeightDevice"] = {{"String", fields({{"", "Path"}, {":", "Weight"}})}};
  methods["blkiodev.ThrottleDevice"] = {{"String", fields({{"", "Path"}, {":", "Rate"}})}};
  methods["digest.Digest"] = {{"String", text(same)},
                              {"Algorithm", text(algorithm_of)},
                              {"Encoded", text(encoded_of)},
                              {"Hex", text(encoded_of)}};
  methods["registry.NetIPNet"] = {{"String", text(same)}};
}

}  // namespace gantry::cli
