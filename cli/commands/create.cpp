#include "commands/create.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "commands/commands.hpp"
#include "format/go_value.hpp"
#include "gantry/unique_fd.hpp"
#include "parse/platform.hpp"
#include "parse/reference.hpp"
#include "parse/text.hpp"
#include "terminal/session.hpp"

namespace gantry::cli {

namespace {

/// The file for --cidfile: made before the container is, removed again if none comes to be.
class CidFile {
 public:
  explicit CidFile(const std::string& path) : path_(path) {
    if (path.empty()) return;
    if (::access(path.c_str(), F_OK) == 0) {
      throw Failure("container ID file found, make sure the other container isn't running or delete " + path);
    }
    fd_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!fd_)
      throw Failure("failed to create the container ID file: open " + path + ": " + lower(std::strerror(errno)));
  }
  ~CidFile() {
    if (fd_ && !written_) ::unlink(path_.c_str());
  }
  CidFile(const CidFile&) = delete;
  CidFile& operator=(const CidFile&) = delete;

  void write(const std::string& id) {
    if (!fd_) return;
    write_output(fd_.get(), id);
    written_ = true;
  }

 private:
  std::string path_;
  UniqueFd fd_;
  bool written_ = false;
};

std::string platform_text(const std::string& platform) {
  try {
    return platform.empty() ? "" : parse_platform(platform).text();
  } catch (const InvalidValue& error) {
    throw Failure(std::string("error parsing specified platform: ") + error.what());
  }
}

std::string create_path(const ContainerFlags& options, const std::string& platform) {
  Query query;
  query.add_if(!options.name.empty(), "name", options.name);
  query.add_if(!platform.empty(), "platform", platform_text(platform));
  return "/containers/create" + query.text();
}

bool is_image_id(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

void check_pull_policy(const Context& context, const std::string& policy) {
  if (policy == "always" || policy == "missing" || policy == "never" || policy.empty()) return;
  throw context.failure_with_hint(
      "invalid pull option: '" + policy + R"(': must be one of "always", "missing" or "never")", 125);
}

std::string create_container(Context& context, const ContainerFlags& options, const Json& body,
                             Interruption* interruption) {
  CidFile cidfile(options.cidfile);
  std::string platform = options.platform;
  if (const char* standard = std::getenv("DOCKER_DEFAULT_PLATFORM"); platform.empty() && standard != nullptr) {
    platform = standard;
  }
  const std::string image = body["Image"];
  if (!is_image_id(image) && !starts_with(image, "sha256:")) parse_reference(image);
  const auto pull = [&] {
    if (interruption != nullptr) interruption->pause();
    pull_image(context, image, platform, options.quiet, STDERR_FILENO);
    if (interruption != nullptr) interruption->resume();
  };
  const std::string path = create_path(options, platform);
  if (options.pull == "always") pull();
  Json answer;
  bool missing = false;
  try {
    answer = context.client().post(path, body);
  } catch (const DaemonError& error) {
    const std::string_view why = error.what();
    // That of another platform is none, either.
    const bool is_image =
        why.find("No such image") != why.npos || why.find("does not match the specified platform") != why.npos;
    if (error.status() != 404 || !is_image || options.pull != "missing" || is_image_id(image)) throw;
    missing = true;
  }
  if (missing) {
    if (!options.quiet) {
      std::fprintf(stderr, "Unable to find image '%s' locally\n", parse_reference(image).with_default_tag().c_str());
    }
    pull();
    answer = context.client().post(path, body);
  }
  if (answer.contains("Warnings") && answer["Warnings"].is_array()) {
    for (const Json& warning : answer["Warnings"]) std::fprintf(stderr, "WARNING: %s\n", go_text(warning).c_str());
  }
  std::string id = answer["Id"];
  cidfile.write(id);
  return id;
}

int container_create(Context& context) {
  ContainerFlags options;
  Flags flags;
  flags.text("pull", options.pull, R"(Pull image before creating ("always", "|missing", "never"))");
  options.declare(flags);
  const auto words = context.parse(flags, Arity::at_least(1));
  check_pull_policy(context, options.pull);
  options.complete(context);
  Json body;
  try {
    body = options.build(flags, words);
  } catch (const InvalidValue& error) {
    throw context.failure_with_hint(error.what(), 125);
  }
  std::printf("%s\n", create_container(context, options, body).c_str());
  return 0;
}

}  // namespace gantry::cli
