#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <random>
#include <unordered_set>

#include "stage_build.hpp"
#include "text.hpp"

namespace gantry::dockerfile {

using builder::v1::Step;

namespace {

std::string random_id() {
  std::random_device random;
  std::string out;
  for (int at = 0; at < 64; ++at) out += "0123456789abcdef"[random() % 16];
  return out;
}

std::string quoted_list(const std::vector<std::string>& words) {
  std::string out = "[";
  for (const std::string& word : words) out += (&word == &words.front() ? "" : " ") + quote(word);
  return out + "]";
}

/// Each of them once, in order, as often as a recipe may name it.
class Once {
 public:
  explicit Once(std::vector<std::string>& list) : list_(list), known_(list.begin(), list.end()) {}
  void add(const std::string& item) {
    if (known_.insert(item).second) list_.push_back(item);
  }

 private:
  std::vector<std::string>& list_;
  std::unordered_set<std::string> known_;
};

/// What one port of a range costs, in bytes.
constexpr std::size_t kPort = 64;

struct PortRange {
  int first{};
  int last{};
};

/// `kind`: what it is called in the error.
PortRange port_range(const std::string& text, const char* kind) {
  const auto number = [&](std::string_view part) {
    int value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc{} || end != part.data() + part.size() || value < 0 || value > 65535) {
      throw Error{Errc::invalid, std::string{"Invalid "} + kind + ": " + text};
    }
    return value;
  };
  const std::size_t dash = text.find('-');
  const int first = number(std::string_view{text}.substr(0, dash));
  const int last = dash == std::string::npos ? first : number(std::string_view{text}.substr(dash + 1));
  if (last < first) throw Error{Errc::invalid, std::string{"Invalid "} + kind + ": " + text};
  return {first, last};
}

/// What dockerd takes and lets fall: "address:port" or "port" of a host.
void check_host_part(const std::string& text, const PortRange& container, const std::string& range) {
  const std::size_t colon = text.rfind(':');
  std::string address = colon == std::string::npos ? "" : text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  in6_addr parsed{};
  if (!address.empty() && ::inet_pton(AF_INET, address.c_str(), &parsed) != 1 &&
      ::inet_pton(AF_INET6, address.c_str(), &parsed) != 1) {
    throw Error{Errc::invalid, "Invalid ip address: " + address};
  }
  const std::string ports = text.substr(colon == std::string::npos ? 0 : colon + 1);
  if (ports.empty()) return;
  const PortRange host = port_range(ports, "hostPort");
  if (container.first != container.last && host.last - host.first != container.last - container.first) {
    throw Error{Errc::invalid, "Invalid ranges specified for container and host Ports: " + range + " and " + ports};
  }
}

/// "80-82/udp" as single ports.
std::vector<std::string> ports_of(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const std::string own = text.substr(colon == std::string::npos ? 0 : colon + 1);
  const std::size_t slash = own.find('/');
  const std::string range = own.substr(0, slash);
  std::string protocol = slash == std::string::npos ? "" : lower(own.substr(slash + 1));
  if (protocol.empty()) protocol = "tcp";
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
    throw Error{Errc::invalid, "Invalid proto: " + protocol};
  }
  const PortRange ports = port_range(range, "containerPort");
  if (colon != std::string::npos) check_host_part(text.substr(0, colon), ports, range);
  std::vector<std::string> out;
  for (int port = ports.first; port <= ports.last; ++port) out.push_back(std::to_string(port) + "/" + protocol);
  return out;
}

bool is_signal(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) return number > 0 && number <= SIGRTMAX;
  std::string name = upper(text);
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (name.starts_with("RTMIN") || name.starts_with("RTMAX")) return true;
  for (int at = 1; at < NSIG; ++at) {
    const char* known = ::sigabbrev_np(at);
    if (known != nullptr && name == known) return true;
  }
  return false;
}

}  // namespace

void StageBuild::commit_config(const std::string& comment) {
  Step step = make_step(join(shell(), " ") + " #(nop)  " + comment);
  if (take_cached(step)) return;
  // Nothing runs, so there need not be a container; who wants to keep it gets one.
  std::string container;
  if (request_.remove) {
    container = random_id();
  } else {
    builder::v1::ContainerSpec spec;
    spec.image = state_.image;
    spec.config = state_.config;
    spec.config.entrypoint.clear();
    spec.config.cmd = shell();
    spec.config.cmd.insert(spec.config.cmd.end(), {"#(nop) ", comment});
    container = session_.create_container(spec);
  }
  say(" ---> Running in " + short_id(container) + "\n");
  commit(std::move(step));
  if (request_.remove) show_removed(container);
}

void StageBuild::step(const Arg& arg) {
  std::string comment = "ARG";
  // As with ENV: all of one instruction see what was before it.
  std::vector<std::pair<std::string, std::optional<std::string>>> defaults;
  for (const auto& [name, value] : arg.defaults) {
    defaults.emplace_back(expanded(name), value ? std::optional{expanded(*value)} : std::nullopt);
  }
  for (const auto& [name, value] : defaults) {
    arguments_.declare(name, value);
    comment += " " + name + (value ? "=" + *value : "");
  }
  commit_config(comment);
}

void StageBuild::step(const Env& env) {
  std::string comment = "ENV";
  // All of one instruction see what was before it.
  Pairs variables;
  for (const auto& [name, value] : env.variables) variables.emplace_back(expanded(name), expanded(value));
  for (const auto& [name, value] : variables) {
    env_.set(name, value);
    comment += " " + name + "=" + value;
  }
  commit_config(comment);
}

void StageBuild::step(const Label& label) {
  std::string comment = "LABEL";
  for (const auto& [raw_name, raw_value] : label.labels) {
    const std::string name = expanded(raw_name);
    const std::string value = expanded(raw_value);
    state_.config.labels[name] = value;
    comment += " " + name + "=" + value;
  }
  commit_config(comment);
}

void StageBuild::step(const Maintainer& maintainer) {
  state_.author = maintainer.name;
  commit_config("MAINTAINER " + maintainer.name);
}

void StageBuild::step(const Cmd& cmd) {
  std::vector<std::string> words = cmd.command.words;
  if (cmd.command.shell) {
    const auto prefix = shell();
    words.insert(words.begin(), prefix.begin(), prefix.end());
  }
  state_.config.cmd = words;
  state_.config.args_escaped = false;
  state_.cmd_set = !words.empty();
  commit_config("CMD " + quoted_list(words));
}

void StageBuild::step(const Entrypoint& entrypoint) {
  std::vector<std::string> words = entrypoint.command.words;
  if (entrypoint.command.shell) {
    const auto prefix = shell();
    words.insert(words.begin(), prefix.begin(), prefix.end());
  }
  state_.config.entrypoint = words;
  // What the base image would have run makes no sense behind another entrypoint.
  if (!state_.cmd_set) state_.config.cmd.clear();
  commit_config("ENTRYPOINT " + quoted_list(words));
}

void StageBuild::step(const Expose& expose) {
  std::vector<std::string> words;
  Once ports{state_.config.exposed_ports};
  for (const std::string& text : expose.ports) {
    for (std::string& word : expanded_words(text)) {
      for (const std::string& port : ports_of(word)) {
        spend(kPort);
        ports.add(port);
      }
      words.push_back(std::move(word));
    }
  }
  commit_config("EXPOSE " + join(words, " "));
}

void StageBuild::step(const Volume& volume) {
  std::vector<std::string> paths;
  Once volumes{state_.config.volumes};
  for (const std::string& path : volume.paths) {
    paths.push_back(expanded(path));
    if (paths.back().empty()) throw Error{Errc::invalid, "VOLUME specified can not be an empty string"};
    volumes.add(paths.back());
  }
  commit_config("VOLUME [" + join(paths, " ") + "]");
}

void StageBuild::step(const User& user) {
  state_.config.user = expanded(user.name);
  commit_config("USER " + state_.config.user);
}

void StageBuild::step(const OnBuild& on_build) {
  state_.config.on_build.push_back(on_build.instruction);
  commit_config("ONBUILD " + on_build.instruction);
}

void StageBuild::step(const StopSignal& stop_signal) {
  const std::string signal = expanded(stop_signal.signal);
  if (!is_signal(signal)) throw Error{Errc::invalid, "invalid signal: " + signal};
  state_.config.stop_signal = signal;
  commit_config("STOPSIGNAL " + signal);
}

void StageBuild::step(const HealthCheck& health_check) {
  const auto& before = state_.config.health_check;
  if (before && !before->test.empty() && before->test.front() != "NONE") {
    say("Note: overriding previous HEALTHCHECK: [" + join(before->test, " ") + "]\n");
  }
  state_.config.health_check = health_check.check;
  commit_config("HEALTHCHECK " + health_check.shown);
}

void StageBuild::step(const Shell& shell) {
  state_.config.shell = shell.words;
  commit_config("SHELL [" + join(shell.words, " ") + "]");
}

}  // namespace gantry::dockerfile
