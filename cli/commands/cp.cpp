#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "client/pending_file.hpp"
#include "commands/commands.hpp"
#include "commands/file_source.hpp"
#include "copy/copy_plan.hpp"
#include "copy/host_path.hpp"
#include "copy/tree_source.hpp"
#include "copy/tree_target.hpp"
#include "format/units.hpp"
#include "gantry/base64.hpp"
#include "parse/text.hpp"
#include "tar/reader.hpp"
#include "terminal/terminal.hpp"

namespace gantry::cli {

namespace {

struct CopyOptions {
  bool archive = false;
  bool follow_link = false;
  bool quiet = false;
};

/// "container:path"; a path of this machine has no container.
struct CopyPlace {
  std::string container;
  std::string path;
};

CopyPlace parse_place(const std::string& text) {
  const auto colon = text.find(':');
  if (text[0] == '/' || text[0] == '.' || colon == std::string::npos) return {"", text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

// Go's os.FileMode.
constexpr std::uint32_t kGoDirectory = 1U << 31U;
constexpr std::uint32_t kGoLink = 1U << 27U;
constexpr std::uint32_t kGoDevice = 1U << 26U;
constexpr std::uint32_t kGoIrregular = 1U << 19U;

struct ContainerPath {
  std::uint32_t mode{};
  std::string link_target;
};

ContainerPath parse_stat(const Exchange& exchange) {
  const auto text = base64_decode(exchange.header("X-Docker-Container-Path-Stat"));
  const Json stat = Json::parse(text.value_or(""), nullptr, false);
  if (!stat.is_object()) throw Failure("unable to decode container path stat header");
  return {stat.value("mode", std::uint32_t{}), stat.value("linkTarget", "")};
}

std::string archive_path(const std::string& container, const Query& query) {
  return "/containers/" + escaped(container) + "/archive" + query.text();
}

/// Nothing where the daemon has no answer, whatever the reason: the copy itself will tell.
std::optional<ContainerPath> stat_path(Context& context, const std::string& container, const std::string& path) {
  Query query;
  query.add("path", path);
  try {
    return parse_stat(*context.client().stream("HEAD", archive_path(container, query)));
  } catch (const DaemonError&) {
    return std::nullopt;
  }
}

/// Counts what is copied and shows it on a terminal.
class CopyProgress {
 public:
  CopyProgress(const char* what, bool quiet)
      : what_(what), quiet_(quiet), live_(!quiet && is_terminal(STDERR_FILENO)) {}

  void add(std::size_t bytes) {
    bytes_ += bytes;
    const auto now = std::chrono::steady_clock::now();
    if (!live_ || now - shown_ < std::chrono::milliseconds{100}) return;
    shown_ = now;
    std::fprintf(stderr, "\r\033[2K%s - %s", what_, human_size(static_cast<double>(bytes_)).c_str());
  }
  void finish(const std::string& destination) const {
    if (quiet_) return;
    const std::string size = human_size(static_cast<double>(bytes_));
    std::fprintf(stderr, "%sSuccessfully copied %s to %s\n", live_ ? "\r\033[2K" : "", size.c_str(),
                 destination.c_str());
  }

 private:
  const char* what_;
  bool quiet_;
  bool live_;
  std::uint64_t bytes_ = 0;
  std::chrono::steady_clock::time_point shown_ = std::chrono::steady_clock::now();
};

void extract(Exchange& exchange, const CopyPlan& plan, const std::string& served, CopyProgress& progress) {
  TarReader reader([&](std::span<char> buffer) {
    const std::size_t size = exchange.read_body(buffer);
    progress.add(size);
    return size;
  });
  TreeTarget target(plan.directory);
  TarMember member;
  while (reader.next(member)) {
    member.name = rename_root(member.name, served, plan.root);
    if (member.type == '1') member.link = rename_root(member.link, served, plan.root);
    target.take(member, reader);
  }
}

void copy_from_container(Context& context, const CopyPlace& from, std::string to, const CopyOptions& options) {
  const bool to_stdout = to == "-";
  if (!to_stdout) to = absolute_path(to);
  check_output_path(to);
  CopySource source{from.path, false, ""};
  if (options.follow_link) {
    const auto stat = stat_path(context, from.container, from.path);
    if (stat && (stat->mode & kGoLink) != 0) {
      const Resolved resolved = rename_resolved(from.path, link_destination(from.path, stat->link_target));
      source.path = resolved.path;
      source.name = resolved.name;
    }
  }
  Query query;
  query.add("path", source.path);
  const auto exchange = context.client().stream("GET", archive_path(from.container, query));
  if (to_stdout) {
    std::array<char, 65536> buffer;
    while (const std::size_t size = exchange->read_body(std::span<char>(buffer))) {
      write_fully(STDOUT_FILENO, {buffer.data(), size});
    }
    return;
  }
  source.is_directory = (parse_stat(*exchange).mode & kGoDirectory) != 0;
  const CopyPlan plan = plan_copy(source, host_destination(to));
  CopyProgress progress("Copying from container", options.quiet);
  extract(*exchange, plan, split_entry(source.path).base, progress);
  progress.finish(to);
}

CopyDestination container_destination(Context& context, const CopyPlace& to) {
  CopyDestination destination{to.path, false, false};
  auto stat = stat_path(context, to.container, to.path);
  if (stat && (stat->mode & kGoLink) != 0) {
    destination.path = link_destination(to.path, stat->link_target);
    stat = stat_path(context, to.container, destination.path);
  }
  if (!stat) return destination;
  const char* what = (stat->mode & kGoDevice) != 0      ? "got a device"
                     : (stat->mode & kGoIrregular) != 0 ? "got an irregular file"
                                                        : nullptr;
  if (what != nullptr) {
    throw Failure("destination \"" + to.container + ":" + to.path +
                  "\" must be a directory or a regular file: " + what);
  }
  destination.exists = true;
  destination.is_directory = (stat->mode & kGoDirectory) != 0;
  return destination;
}

void copy_to_container(Context& context, const std::string& from, const CopyPlace& to, const CopyOptions& options) {
  const std::string path = from == "-" ? from : absolute_path(from);
  const CopyDestination destination = container_destination(context, to);
  CopyProgress progress("Copying to container", options.quiet);
  const auto put = [&](const std::string& directory, const Client::Source& source) {
    Query query;
    query.add("path", directory).add("noOverwriteDirNonDir", "true");
    query.add_if(options.archive, "copyUIDGID", "true");
    (void)context.client().upload("PUT", archive_path(to.container, query), source,
                                  {{"Content-Type", "application/x-tar"}});
    progress.finish(to.container + ":" + destination.path);
  };
  if (path == "-") {
    if (!destination.is_directory) {
      throw Failure("destination \"" + to.container + ":" + to.path + "\" must be a directory");
    }
    FileSource input(STDIN_FILENO);
    return put(destination.path, [&] { return input(); });
  }
  const CopySource source = host_source(path, options.follow_link);
  const CopyPlan plan = plan_copy(source, destination);
  TreeSource tree(source.path, plan.root);
  put(plan.directory, [&] {
    const std::string_view piece = tree.next();
    progress.add(piece.size());
    return piece;
  });
}

}  // namespace

int container_cp(Context& context) {
  CopyOptions options;
  Flags flags;
  flags.toggle("archive,a", options.archive, "Archive mode (copy all uid/gid information)")
      .toggle("follow-link,L", options.follow_link, "Always follow symbol link in SRC_PATH")
      .toggle("quiet,q", options.quiet,
              "Suppress progress output during copy. Progress output is automatically suppressed if no terminal is "
              "attached");
  const auto words = context.parse(flags, Arity::exactly(2));
  if (words[0].empty()) throw Failure("source can not be empty");
  if (words[1].empty()) throw Failure("destination can not be empty");
  if (!flags.given("quiet")) options.quiet = !is_terminal(STDOUT_FILENO);
  const CopyPlace from = parse_place(words[0]);
  const CopyPlace to = parse_place(words[1]);
  if (!from.container.empty() && !to.container.empty()) {
    throw Failure("copying between containers is not supported");
  }
  if (from.container.empty() && to.container.empty()) throw Failure("must specify at least one container source");
  if (to.container.empty()) {
    copy_from_container(context, from, to.path, options);
  } else {
    copy_to_container(context, from.path, to, options);
  }
  return 0;
}

}  // namespace gantry::cli
