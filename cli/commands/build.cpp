#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "build/context_archive.hpp"
#include "client/credentials.hpp"
#include "commands/commands.hpp"
#include "commands/stream_output.hpp"
#include "parse/environment.hpp"
#include "parse/quantity.hpp"
#include "tar/header.hpp"
#include "terminal/session.hpp"

namespace gantry::cli {

namespace {

namespace fs = std::filesystem;

struct BuildFlags {
  std::vector<std::string> tags, arguments, labels, cache_from, hosts, security;
  std::string file, target, platform, network, id_file, cgroup_parent, cpus, mems;
  std::int64_t memory = 0, swap = 0, shm = 0, cpu_shares = 0, cpu_period = 0, cpu_quota = 0;
  bool no_cache = false, pull = false, quiet = false, remove = true, force_remove = false;

  void declare(Flags& flags) {
    const auto bytes = [](std::int64_t& into) {
      return [&into](const std::string& text) { into = parse_bytes(text); };
    };
    flags.list("add-host", hosts, "Add a custom host-to-IP mapping (\"host:ip\")")
        .list("build-arg", arguments, "Set build-time variables")
        .commas("cache-from", cache_from, "Images to consider as cache sources")
        .text("cgroup-parent", cgroup_parent, "Set the parent cgroup for the \"RUN\" instructions during build")
        .integer("cpu-period", cpu_period, "Limit the CPU CFS (Completely Fair Scheduler) period")
        .integer("cpu-quota", cpu_quota, "Limit the CPU CFS (Completely Fair Scheduler) quota")
        .integer("cpu-shares,c", cpu_shares, "CPU shares (relative weight)")
        .text("cpuset-cpus", cpus, "CPUs in which to allow execution (0-3, 0,1)")
        .text("cpuset-mems", mems, "MEMs in which to allow execution (0-3, 0,1)")
        .text("file,f", file, "Name of the Dockerfile (Default is \"PATH/Dockerfile\")")
        .toggle("force-rm", force_remove, "Always remove intermediate containers")
        .text("iidfile", id_file, "Write the image ID to the file")
        .list("label", labels, "Set metadata for an image")
        .custom("memory,m", "bytes", "Memory limit", bytes(memory))
        .custom("memory-swap", "bytes", "Swap limit equal to memory plus swap: -1 to enable unlimited swap",
                bytes(swap))
        .text("network", network, "Set the networking mode for the RUN instructions during build (default \"default\")")
        .toggle("no-cache", no_cache, "Do not use cache when building the image")
        .text("platform", platform, "Set platform if server is multi-platform capable")
        .toggle("pull", pull, "Always attempt to pull a newer version of the image")
        .toggle("quiet,q", quiet, "Suppress the build output and print image ID on success")
        .toggle("rm", remove, "Remove intermediate containers after a successful build")
        .list("security-opt", security, "Security options")
        .custom("shm-size", "bytes", "Size of \"/dev/shm\"", bytes(shm))
        .list("tag,t", tags, "Name and optionally a tag in the \"name:tag\" format")
        .text("target", target, "Set the target build stage to build.");
  }

  [[nodiscard]] Query query(const std::string& recipe, const std::string& remote) const {
    Query out;
    for (const std::string& tag : tags) out.add("t", tag);
    out.add("dockerfile", recipe).add_if(!remote.empty(), "remote", remote);
    out.add("buildargs", argument_json().dump()).add("labels", label_json().dump());
    if (!cache_from.empty()) out.add("cachefrom", Json(cache_from).dump());
    out.add_if(!target.empty(), "target", target).add_if(!platform.empty(), "platform", platform);
    out.add_if(!network.empty(), "networkmode", network).add_if(!cgroup_parent.empty(), "cgroupparent", cgroup_parent);
    out.add_if(no_cache, "nocache").add_if(pull, "pull").add_if(quiet, "q").add_if(force_remove, "forcerm");
    out.add("rm", remove ? "1" : "0");
    const auto number = [&](const char* name, std::int64_t value) {
      out.add_if(value != 0, name, std::to_string(value));
    };
    number("memory", memory);
    number("memswap", swap);
    number("shmsize", shm);
    number("cpushares", cpu_shares);
    number("cpuperiod", cpu_period);
    number("cpuquota", cpu_quota);
    out.add_if(!cpus.empty(), "cpusetcpus", cpus).add_if(!mems.empty(), "cpusetmems", mems);
    for (const std::string& host : hosts) out.add("extrahosts", host);
    for (const std::string& option : security) out.add("securityopt", option);
    return out;
  }

 private:
  /// A name alone takes its value from the environment; if there is none, the Dockerfile's default holds.
  [[nodiscard]] Json argument_json() const {
    Json out = Json::object();
    for (const std::string& argument : arguments) {
      const auto equals = argument.find('=');
      const std::string name = argument.substr(0, equals);
      const char* value = std::getenv(name.c_str());
      if (equals != std::string::npos) {
        out[name] = argument.substr(equals + 1);
      } else {
        out[name] = value == nullptr ? Json(nullptr) : Json(value);
      }
    }
    return out;
  }

  [[nodiscard]] Json label_json() const {
    Json out = Json::object();
    for (const std::string& label : labels) {
      const auto equals = label.find('=');
      out[label.substr(0, equals)] = equals == std::string::npos ? "" : label.substr(equals + 1);
    }
    return out;
  }
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Failure("unable to prepare context: unable to evaluate symlinks in Dockerfile path: " + path);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

std::string read_stdin() {
  std::string out;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got <= 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

bool looks_like_archive(std::string_view start) {
  using namespace std::string_view_literals;
  for (const std::string_view magic : {"\x1f\x8b"sv, "BZh"sv,
                                       "\xfd"
                                       "7zXZ\0"sv,
                                       "\x28\xb5\x2f\xfd"sv}) {
    if (start.starts_with(magic)) return true;
  }
  return start.size() > 262 && start.substr(257, 5) == "ustar";
}

/// The patterns of <Dockerfile>.dockerignore, else of .dockerignore.
path_patterns::IgnorePatterns ignore_patterns(const std::string& directory, const std::string& recipe) {
  for (const std::string& name : {recipe + ".dockerignore", std::string{".dockerignore"}}) {
    const std::string path = directory + "/" + name;
    if (::access(path.c_str(), R_OK) == 0) return path_patterns::IgnorePatterns::parse(read_file(path));
  }
  return path_patterns::IgnorePatterns{std::vector<std::string>{}};
}

/// The Dockerfile's path in the context; empty if it is not in it.
std::string path_within(const std::string& directory, const std::string& file) {
  if (file.empty()) return "Dockerfile";
  std::error_code failed;
  const fs::path whole = fs::weakly_canonical(file, failed);
  const std::string relative = whole.lexically_relative(fs::weakly_canonical(directory, failed)).string();
  return relative.starts_with("..") ? std::string{} : relative;
}

/// Sends the context and shows what comes of it.
class Sender {
 public:
  Sender(Context& context, const BuildFlags& flags) : context_(context), flags_(flags) {}

  void directory(const std::string& path) {
    if (flags_.file == "-") return with_recipe(path, read_stdin());
    const std::string recipe = path_within(path, flags_.file);
    if (recipe.empty()) return with_recipe(path, read_file(flags_.file));
    if (::access((path + "/" + recipe).c_str(), R_OK) != 0) {
      throw Failure("unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat " +
                    fs::weakly_canonical(path + "/" + recipe).string() + ": no such file or directory");
    }
    ContextArchive archive(path, ignore_patterns(path, recipe), {recipe, ".dockerignore"});
    send(recipe, "", [&] { return archive.next(); });
  }

  void standard_input() {
    const std::string all = read_stdin();
    if (looks_like_archive(all)) {
      bool sent = false;
      send(flags_.file.empty() ? "Dockerfile" : flags_.file, "",
           [&] { return std::exchange(sent, true) ? std::string_view{} : std::string_view{all}; });
      return;
    }
    struct stat status {};
    status.st_mode = S_IFREG | 0600;
    status.st_size = static_cast<off_t>(all.size());
    const std::string archive = tar_header("Dockerfile", status, "") + all + tar_padding(all.size()) + tar_end();
    bool sent = false;
    send("Dockerfile", "", [&] { return std::exchange(sent, true) ? std::string_view{} : std::string_view{archive}; });
  }

  void remote(const std::string& url) {
    send(flags_.file, url, [] { return std::string_view{}; });
  }

 private:
  void with_recipe(const std::string& path, std::string content) {
    const std::string name = ".dockerfile." + std::to_string(::getpid());
    ContextArchive archive(path, ignore_patterns(path, "Dockerfile"), {".dockerignore"});
    archive.add(name, std::move(content));
    send(name, "", [&] { return archive.next(); });
  }

  void send(const std::string& recipe, const std::string& url, const Client::Source& source) {
    const Headers headers{{"Content-Type", "application/x-tar"},
                          {"X-Registry-Config", registry_config_header(context_.config())}};
    const auto exchange =
        context_.client().upload("POST", "/build" + flags_.query(recipe, url).text(), source, headers);
    std::string id;
    show_progress(*exchange, STDOUT_FILENO, false, [&](const Json& aux) {
      if (aux.is_object()) id = aux.value("ID", id);
    });
    if (!flags_.id_file.empty()) std::ofstream(flags_.id_file) << id;
  }

  Context& context_;
  const BuildFlags& flags_;
};

}  // namespace

int image_build(Context& context) {
  BuildFlags options;
  Flags flags;
  options.declare(flags);
  const auto words = context.parse(flags, Arity::exactly(1));
  Sender sender(context, options);
  const std::string& place = words[0];
  if (place == "-") {
    sender.standard_input();
  } else if (place.find("://") != std::string::npos || place.starts_with("git@")) {
    sender.remote(place);
  } else {
    sender.directory(place);
  }
  return 0;
}

}  // namespace gantry::cli
