#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "client/credentials.hpp"
#include "commands/commands.hpp"
#include "commands/stream_output.hpp"
#include "parse/platform.hpp"
#include "parse/reference.hpp"
#include "terminal/progress.hpp"
#include "terminal/session.hpp"
#include "terminal/terminal.hpp"

namespace gantry::cli {

namespace {

Headers auth_headers(Context& context, const Reference& reference) {
  const Credentials found = find_credentials(context.config(), server_key(reference.domain()));
  if (found.empty()) return {};
  return {{"X-Registry-Auth", registry_auth_header(found)}};
}

std::string default_platform() {
  const char* platform = std::getenv("DOCKER_DEFAULT_PLATFORM");
  return platform == nullptr ? "" : platform;
}

std::string tag_of(const Reference& reference) {
  if (!reference.digest.empty()) return reference.digest;
  return reference.tag.empty() ? "latest" : reference.tag;
}

void pull(Context& context, const Reference& reference, bool all_tags, const std::string& platform, bool quiet,
          int fd) {
  Query query;
  query.add("fromImage", reference.name);
  if (!all_tags) query.add("tag", tag_of(reference));
  query.add_if(!platform.empty(), "platform", platform);
  const auto exchange =
      context.client().stream("POST", "/images/create" + query.text(), "", auth_headers(context, reference));
  show_progress(*exchange, fd, quiet);
}

/// "oci:/path:tag" names a place on the daemon's host; a relative path is one of this directory.
bool is_place(const std::string& name) { return name.starts_with("oci:"); }

std::string absolute_place(const std::string& name) {
  const std::string path = name.substr(4);
  if (path.empty() || path.front() == '/') return name;
  return "oci:" + (std::filesystem::current_path() / path).lexically_normal().string();
}

/// With the registry's name, as Docker's programs tell which image it was.
std::string canonical_name(const Reference& reference) {
  const std::string domain = reference.domain();
  std::string canonical = reference.name;
  if (domain == "docker.io") {
    canonical = (canonical.find('/') == std::string::npos ? "docker.io/library/" : "docker.io/") + canonical;
  }
  if (!reference.tag.empty()) canonical += ":" + reference.tag;
  if (!reference.digest.empty()) canonical += "@" + reference.digest;
  return canonical;
}

}  // namespace

void show_progress(Exchange& exchange, int fd, bool quiet, const std::function<void(const Json&)>& on_aux) {
  const unsigned columns = is_terminal(fd) ? terminal_size(fd).columns : 0;
  ProgressPrinter printer(
      [&](std::string_view bytes) {
        if (!quiet) write_output(fd, bytes);
      },
      columns);
  printer.on_aux = on_aux;
  std::array<char, 16384> buffer;
  while (const std::size_t size = exchange.read_body(buffer)) printer.feed({buffer.data(), size});
}

void pull_image(Context& context, const std::string& image, const std::string& platform, bool quiet, int fd) {
  pull(context, parse_reference(image), false, platform, quiet, fd);
}

std::vector<std::string> pull_every(Context& context, const std::string& image, const std::string& platform) {
  const Reference reference = parse_reference(image);
  Query query;
  query.add("fromImage", reference.name).add("tag", tag_of(reference)).add("every", "1");
  query.add_if(!platform.empty(), "platform", platform);
  const auto exchange =
      context.client().stream("POST", "/images/create" + query.text(), "", auth_headers(context, reference));
  std::vector<std::string> ids;
  show_progress(*exchange, STDERR_FILENO, true, [&](const Json& aux) {
    if (aux.is_object() && aux.contains("ID")) ids.push_back(aux.value("ID", ""));
  });
  return ids;
}

int image_pull(Context& context) {
  bool all_tags = false;
  bool trust = true;
  bool quiet = false;
  std::string platform = default_platform();
  Flags flags;
  flags.toggle("all-tags,a", all_tags, "Download all tagged images in the repository")
      .toggle("disable-content-trust", trust, "Skip image verification")
      .text("platform", platform, "Set platform if server is multi-platform capable")
      .toggle("quiet,q", quiet, "Suppress verbose output");
  const auto names = context.parse(flags, Arity::exactly(1));
  if (is_place(names[0])) {
    Query query;
    query.add("fromImage", absolute_place(names[0])).add_if(!platform.empty(), "platform", platform);
    const auto exchange = context.client().stream("POST", "/images/create" + query.text());
    show_progress(*exchange, STDOUT_FILENO, quiet);
    return 0;
  }
  Reference reference = parse_reference(names[0]);
  if (all_tags && !(reference.tag.empty() && reference.digest.empty())) {
    throw Failure("tag can't be used with --all-tags/-a");
  }
  if (!all_tags && reference.tag.empty() && reference.digest.empty()) {
    reference.tag = "latest";
    if (!quiet) std::printf("Using default tag: latest\n");
    std::fflush(stdout);
  }
  pull(context, reference, all_tags, platform, quiet, STDOUT_FILENO);
  std::printf("%s\n", canonical_name(reference).c_str());
  return 0;
}

Headers push_headers(Context& context, const Reference& reference) {
  Headers headers = auth_headers(context, reference);
  if (headers.empty()) headers.emplace_back("X-Registry-Auth", registry_auth_header({}));
  return headers;
}

namespace {

std::string pushed_platform(const std::string& text) {
  std::string json;
  try {
    json = parse_platform(text).json();
  } catch (const InvalidValue& error) {
    throw Failure("Invalid platform " + text + ": " + error.what());
  }
  // Even a quiet push tells this.
  std::printf(
      "\n Info -> Using --platform pushes only the specified platform manifest of a multi-platform image index.\n"
      "         Other components, like attestations, will not be included.\n"
      "         To push the complete multi-platform image, remove the --platform flag.\n         \n");
  std::fflush(stdout);
  return json;
}

}  // namespace

int image_push(Context& context) {
  bool all_tags = false;
  bool trust = true;
  bool quiet = false;
  std::string platform;
  Flags flags;
  flags.toggle("all-tags,a", all_tags, "Push all tags of an image to the repository")
      .toggle("disable-content-trust", trust, "Skip image signing")
      .text("platform", platform,
            "Push a platform-specific manifest as a single-platform image to the registry.\n"
            "Image index won't be pushed, meaning that other manifests, including attestations won't be preserved.\n"
            "'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)")
      .toggle("quiet,q", quiet, "Suppress verbose output");
  const auto names = context.parse(flags, Arity{1, 2});
  Reference reference = parse_reference(names[0]);
  if (names.size() == 2 && !is_place(names[1])) {
    throw Failure("invalid destination \"" + names[1] + "\": oci:PATH or oci:PATH:TAG is needed");
  }
  Query query;
  if (!platform.empty()) query.add("platform", pushed_platform(platform));
  if (all_tags && !reference.tag.empty()) throw Failure("tag can't be used with --all-tags/-a");
  if (!all_tags && reference.tag.empty()) {
    reference.tag = "latest";
    if (!quiet) std::printf("Using default tag: latest\n");
    std::fflush(stdout);
  }
  query.add_if(!all_tags, "tag", reference.tag);
  if (names.size() == 2) query.add("destination", absolute_place(names[1]));
  const Headers headers = push_headers(context, reference);
  const auto exchange =
      context.client().stream("POST", "/images/" + escaped(reference.name) + "/push" + query.text(), "", headers);
  show_progress(*exchange, STDOUT_FILENO, quiet);
  if (quiet) std::printf("%s\n", canonical_name(reference).c_str());
  return 0;
}

}  // namespace gantry::cli
