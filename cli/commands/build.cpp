#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "build/build_flags.hpp"
#include "build/context_archive.hpp"
#include "build/lending.hpp"
#include "client/credentials.hpp"
#include "commands/commands.hpp"
#include "commands/stream_output.hpp"
#include "tar/header.hpp"
#include "terminal/session.hpp"

namespace gantry::cli {

namespace {

namespace fs = std::filesystem;

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
    Query query = flags_.query(recipe, url);
    const Lending lending{context_.client(), flags_.secrets, flags_.agents};
    query.add_if(!lending.session().empty(), "loans", lending.session());
    const auto exchange = context_.client().upload("POST", "/build" + query.text(), source, headers);
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
