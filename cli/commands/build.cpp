#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "build/annotation_flags.hpp"
#include "build/build_flags.hpp"
#include "build/build_view.hpp"
#include "build/cache_flags.hpp"
#include "build/context_archive.hpp"
#include "build/host_context.hpp"
#include "build/layout_images.hpp"
#include "build/lending.hpp"
#include "build/outputs.hpp"
#include "client/credentials.hpp"
#include "client/user_defaults.hpp"
#include "commands/commands.hpp"
#include "format/go_value.hpp"
#include "parse/text.hpp"
#include "tar/header.hpp"
#include "terminal/session.hpp"

namespace gantry::cli {

namespace {

namespace fs = std::filesystem;

constexpr const char* kIgnoreFile = ".dockerignore";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const int reason = errno;
  if (!file)
    throw Failure("unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat " +
                  fs::absolute(path).lexically_normal().string() + ": " + lower(std::strerror(reason)));
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

/// What <recipe>.dockerignore says, else the directory's .dockerignore. `recipe`: the Dockerfile's path; empty: it is
/// no file.
std::string ignore_lines(const std::string& recipe, const std::string& directory) {
  for (const std::string& path : {recipe + kIgnoreFile, directory + "/" + kIgnoreFile}) {
    if (path != kIgnoreFile && ::access(path.c_str(), R_OK) == 0) return read_file(path);
  }
  return {};
}

path_patterns::IgnorePatterns ignore_patterns(const std::string& recipe, const std::string& directory) {
  return path_patterns::IgnorePatterns::parse(ignore_lines(recipe, directory));
}

/// The Dockerfile that is meant if none is named.
std::string usual_recipe(const std::string& directory) {
  const auto is_there = [&](const char* name) { return ::access((directory + "/" + name).c_str(), F_OK) == 0; };
  return !is_there("Dockerfile") && is_there("dockerfile") ? "dockerfile" : "Dockerfile";
}

/// The Dockerfile's path in the context; empty if it is not in it.
std::string path_within(const std::string& directory, const std::string& file) {
  if (file.empty()) return usual_recipe(directory);
  std::error_code failed;
  const fs::path whole = fs::weakly_canonical(file, failed);
  const std::string relative = whole.lexically_relative(fs::weakly_canonical(directory, failed)).string();
  return relative.starts_with("..") ? std::string{} : relative;
}

/// "name=place"; what is in a layout here is brought to the daemon. Throws Failure.
std::map<std::string, std::string> named_contexts(Context& context, const std::vector<std::string>& flags) {
  std::map<std::string, std::string> out;
  for (const std::string& flag : flags) {
    const auto equals = flag.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == flag.size()) {
      throw Failure("invalid context value: " + flag + ", expected key=value");
    }
    const std::string place = flag.substr(equals + 1);
    out[flag.substr(0, equals)] = is_layout(place) ? "docker-image://" + load_from_layout(context, place) : place;
  }
  return out;
}

/// Sends the context and shows what comes of it.
class Sender {
 public:
  Sender(Context& context, const BuildFlags& flags, bool to_stderr)
      : context_(context), flags_(flags), to_stderr_(to_stderr) {}

  /// Of what is said about it and of its manifest; empty: nothing is.
  [[nodiscard]] const std::string& digest() const noexcept { return digest_; }
  /// Of what was built; empty: the daemon did not tell.
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  /// What the other stages came to, if the flags ask for it.
  [[nodiscard]] const std::vector<std::string>& stages() const noexcept { return stages_; }
  [[nodiscard]] std::size_t warnings() const noexcept { return warnings_; }
  [[nodiscard]] const std::string& explanations() const noexcept { return explanations_; }

  void directory(const std::string& path) {
    if (std::error_code failed; !fs::is_directory(path, failed)) {
      const bool is_there = ::access(path.c_str(), F_OK) == 0;
      throw Failure("unable to prepare context: " +
                    (is_there ? "context must be a directory: " + fs::canonical(path).string()
                              : "path " + go_quote(path) + " not found"));
    }
    if (flags_.file == "-") return with_recipe(path, read_stdin(), "");
    const std::string recipe = path_within(path, flags_.file);
    if (recipe.empty()) return with_recipe(path, read_file(flags_.file), flags_.file);
    if (::access((path + "/" + recipe).c_str(), R_OK) != 0) {
      const int reason = errno;
      throw Failure("unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat " +
                    fs::weakly_canonical(path + "/" + recipe).string() + ": " + lower(std::strerror(reason)));
    }
    // Where daemon and client see the same files, nothing is sent.
    if (const std::string shared = flags_.has_local_contexts() ? "" : offer_directory(context_.client(), path);
        !shared.empty()) {
      return send(
          recipe, "", [] { return std::string_view{}; }, remote_contexts(), shared);
    }
    ContextArchive archive(path, ignore_patterns(path + "/" + recipe, path), {recipe, kIgnoreFile});
    send_directory(recipe, archive);
  }

  void standard_input() {
    const std::string all = read_stdin();
    if (looks_like_archive(all)) {
      bool sent = false;
      send(
          flags_.file.empty() ? "Dockerfile" : flags_.file, "",
          [&] { return std::exchange(sent, true) ? std::string_view{} : std::string_view{all}; }, remote_contexts());
      return;
    }
    if (flags_.has_local_contexts()) {
      ContextArchive archive{".", path_patterns::IgnorePatterns{std::vector<std::string>{"*"}}, {}};
      archive.add("Dockerfile", all);
      return send_directory("Dockerfile", archive);
    }
    struct stat status {};
    status.st_mode = S_IFREG | 0600;
    status.st_size = static_cast<off_t>(all.size());
    const std::string archive = tar_header("Dockerfile", status, "") + all + tar_padding(all.size()) + tar_end();
    bool sent = false;
    send(
        "Dockerfile", "", [&] { return std::exchange(sent, true) ? std::string_view{} : std::string_view{archive}; },
        remote_contexts());
  }

  void remote(const std::string& url) {
    send(
        flags_.file, url, [] { return std::string_view{}; }, remote_contexts());
  }

 private:
  /// With a Dockerfile from elsewhere, `file` if it is one, which is no part of the context. As docker's own client has
  /// it, .dockerignore tells the daemon so.
  void with_recipe(const std::string& path, std::string content, const std::string& file) {
    const std::string name = ".dockerfile." + std::to_string(::getpid());
    const std::string own = path + "/" + kIgnoreFile;
    const std::string ignored = ::access(own.c_str(), R_OK) == 0 ? read_file(own) : kIgnoreFile;
    const std::string lines = ignore_lines(file, path) + "\n" + kIgnoreFile;
    ContextArchive archive(path, path_patterns::IgnorePatterns::parse(lines), {});
    shown_recipe_ = file.empty() ? "Dockerfile" : fs::path{file}.filename().string();
    archive.add(name, std::move(content));
    archive.add(kIgnoreFile, ignored + "\n" + name + "\n");
    send_directory(name, archive);
  }

  /// Further directories go with the first; what is elsewhere the daemon gets.
  void send_directory(const std::string& recipe, ContextArchive& archive) {
    Json places = Json::object();
    for (const auto& [name, place] : named_contexts(context_, flags_.contexts)) {
      if (place.find("://") != std::string::npos || place.starts_with("git@")) {
        places[name] = place;
        continue;
      }
      const std::string directory = ".context." + std::to_string(::getpid()) + "." + std::to_string(places.size());
      archive.add_directory(directory, place, ignore_patterns(place + "/Dockerfile", place));
      places[name] = "directory:" + directory;
    }
    send(
        recipe, "", [&] { return archive.next(); }, places);
  }

  /// Those that the daemon gets. Throws Failure if there are others.
  Json remote_contexts() {
    if (flags_.has_local_contexts()) {
      throw Failure("a build context by name that is a directory cannot be sent beside an archive or an address");
    }
    Json places = Json::object();
    for (const auto& [name, place] : named_contexts(context_, flags_.contexts)) places[name] = place;
    return places;
  }

  /// `shared`: what the daemon calls the directory that is not sent.
  void send(const std::string& recipe, const std::string& url, const Client::Source& source,
            const Json& contexts = Json::object(), const std::string& shared = {}) {
    const Headers headers{{"Content-Type", "application/x-tar"},
                          {"X-Registry-Config", registry_config_header(context_.config())}};
    Query query = flags_.query(recipe, url);
    const Lending lending{context_.client(), flags_.secrets, flags_.agents};
    query.add_if(!lending.session().empty(), "loans", lending.session());
    if (!contexts.empty()) query.add("contexts", contexts.dump());
    query.add_if(!shared.empty(), "directory", shared);
    const auto caches = bring_caches(context_, flags_.cache_from, flags_.platform);
    if (!caches.empty()) query.add("cachefrom", Json(caches).dump());
    BuildView view{flags_.progress, flags_.quiet, to_stderr_};
    view.ask(query);
    if (!shown_recipe_.empty()) view.call_recipe(recipe, shown_recipe_);
    const auto exchange = [&] {
      try {
        return context_.client().upload("POST", "/build" + query.text(), source, headers);
      } catch (const DaemonError& error) {
        throw Failure(view.with_names(error.what()));
      }
    }();
    id_ = view.show(*exchange);
    digest_ = view.digest();
    stages_ = view.stages();
    warnings_ = view.warnings();
    explanations_ = view.explanations();
  }

  Context& context_;
  const BuildFlags& flags_;
  const bool to_stderr_;
  std::string id_;
  std::string digest_;
  std::vector<std::string> stages_;
  std::string shown_recipe_;  ///< Of one from elsewhere.
  std::size_t warnings_ = 0;
  std::string explanations_;
};

/// The outputs that the flags ask for, with the image's names where one needs them.
std::vector<Output> outputs_of(const BuildFlags& flags) {
  std::vector<Output> out;
  for (const std::string& text : flags.outputs) out.push_back(parse_output(text));
  if (flags.push) out.push_back(parse_output("type=registry"));
  for (Output& output : out) {
    if (!output.pushes() || !output.attribute("name").empty()) continue;
    if (flags.tags.empty()) throw Failure("tag is needed when pushing to registry");
    std::string names;
    for (const std::string& tag : flags.tags) names += (names.empty() ? "" : ",") + tag;
    output.attributes["name"] = names;
  }
  return out;
}

void write_metadata(const BuildFlags& flags, const std::string& id, const std::string& digest) {
  Json out{{"containerimage.config.digest", id}, {"containerimage.digest", digest.empty() ? id : digest}};
  std::string names;
  for (const std::string& tag : flags.tags) names += (names.empty() ? "" : ",") + tag;
  if (!names.empty()) out["image.name"] = names;
  std::ofstream file(flags.metadata_file);
  if (!(file << out.dump(2))) throw Failure("cannot write " + flags.metadata_file);
}

}  // namespace

int image_build(Context& context) {
  BuildFlags options;
  Flags flags;
  options.declare(flags);
  const auto words = context.parse(flags, Arity::exactly(1));
  options.take_shorthands();
  options.arguments = with_proxies(std::move(options.arguments), context.config(), context.client().endpoint().text);
  const std::vector<Output> outputs = outputs_of(options);
  const CacheTargets caches{options.cache_to};
  options.tell_stages = caches.wants_every_stage();
  for (const Output& output : outputs) {
    if (output.type != "local" && output.type != "tar") options.form.take("--output", output.attributes);
  }
  caches.add_to(options.form);
  for (const Output& output : outputs) {
    for (const Json& note : output_annotations(output.attributes)) options.output_notes.push_back(note.dump());
    for (const std::string& name : csv_fields(output.attribute("name"))) {
      if (!name.empty()) options.subjects.push_back(name);
    }
  }
  const bool to_stderr =
      std::any_of(outputs.begin(), outputs.end(), [](const Output& output) { return output.takes_stdout(); });
  Sender sender(context, options, to_stderr);
  const std::string& place = words[0];
  if (place == "-") {
    sender.standard_input();
  } else if (place.find("://") != std::string::npos || place.starts_with("git@")) {
    sender.remote(place);
  } else {
    sender.directory(place);
  }
  if (options.check) {
    const std::size_t found = sender.warnings();
    std::printf("Check complete, %s\n", found == 0   ? "no warnings found."
                                        : found == 1 ? "1 warning has been found!"
                                                     : (std::to_string(found) + " warnings have been found!").c_str());
    std::fputs(sender.explanations().c_str(), stdout);
    return found == 0 ? 0 : 1;
  }
  if (!options.id_file.empty() && !(std::ofstream(options.id_file) << sender.id() << std::flush)) {
    throw Failure("open " + options.id_file + ": " + lower(std::strerror(errno)));
  }
  if (!options.metadata_file.empty()) write_metadata(options, sender.id(), sender.digest());
  const Built built{sender.id(), sender.stages(), !sender.digest().empty(), options.form};
  for (const Output& output : outputs) carry_out(context, output, built);
  caches.send(context, built);
  return 0;
}

}  // namespace gantry::cli
